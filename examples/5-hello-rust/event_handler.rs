//! `event_handler.h` in Rust: what this handler needs of it, with the sizes that the contract fixes.
//!
//! Names are the header's, so that its comments apply. A struct that begins with `size` may be longer than declared
//! here where the host allocated it; whoever allocates sets `size`.
#![allow(dead_code, non_camel_case_types)]

use std::mem::size_of;
use std::os::raw::{c_char, c_void};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct eh_bytes {
    pub data: *const c_char,
    pub size: usize,
}

#[repr(C)]
pub struct eh_pair {
    pub key: eh_bytes,
    pub value: eh_bytes,
}

#[repr(C)]
pub struct eh_reason {
    pub code: [u8; 64],
    pub detail: [u8; 256],
}

#[repr(C)]
pub struct eh_event {
    pub size: u32,
    pub flags: u32,
    pub attempt: u32,
    pub deliveries: u32,
    pub host_data: *const c_void,
    pub id: eh_bytes,
    pub source: eh_bytes,
    pub detail_type: eh_bytes,
    pub detail: eh_bytes,
    pub key_id: eh_bytes,
    pub resource: eh_bytes,
    pub correlation_id: eh_bytes,
    pub group_id: eh_bytes,
    pub trace_parent: eh_bytes,
    pub time_unix_ms: i64,
    pub sent_unix_ms: i64,
    pub deadline_unix_ms: i64,
    pub attributes: *const eh_pair,
    pub attribute_count: u32,
    pub reserved: u32,
}

pub type eh_outcome = i32;
pub const EH_RETRY: eh_outcome = 0;
pub const EH_DONE: eh_outcome = 1;
pub const EH_REJECT: eh_outcome = 2;
pub const EH_WAIT: eh_outcome = 3;

#[repr(C)]
pub struct eh_result {
    pub size: u32,
    pub outcome: eh_outcome,
    pub retry_after_ms: u64,
    pub reason: eh_reason,
}

#[repr(C)]
pub struct eh_batch {
    pub size: u32,
    pub count: u32,
    pub events: *const *const eh_event,
    pub results: *const *mut eh_result,
}

pub type eh_level = i32;
pub const EH_INFO: eh_level = 2;

pub type eh_status = i32;
pub const EH_OK: eh_status = 0;
pub const EH_NOT_FOUND: eh_status = -1;

#[repr(C)]
pub struct eh_host {
    pub size: u32,
    pub abi_minor: u32,
    pub host_data: *const c_void,
    pub log: extern "C" fn(*const eh_host, *const eh_event, eh_level, eh_bytes, *const eh_pair, u32),
    pub count: extern "C" fn(*const eh_host, eh_bytes, u64, *const eh_pair, u32),
    pub observe: extern "C" fn(*const eh_host, eh_bytes, f64, *const eh_pair, u32),
    pub remaining_ms: extern "C" fn(*const eh_host, *const eh_event) -> i64,
    pub service: extern "C" fn(*const eh_host, *const c_char) -> *const c_void,
}

#[repr(C)]
pub struct eh_route {
    pub source: *const c_char,
    pub detail_type: *const c_char,
}

#[repr(C)]
pub struct eh_handler {
    pub size: u32,
    pub route_count: u32,
    pub id: *const c_char,
    pub routes: *const eh_route,
    pub create: extern "C" fn(*const eh_host, eh_bytes, *mut *mut c_void, *mut eh_reason) -> eh_status,
    pub handle: extern "C" fn(*mut c_void, *const eh_batch),
    pub destroy: extern "C" fn(*mut c_void),
    pub threading: i32,
    pub max_concurrency: u32,
    pub max_batch: u32,
    pub reserved: u32,
    pub summary: *const c_char,
    pub config_schema: *const c_char,
    pub services: *const *const c_char,
    pub business_key: *const *const c_char,
    pub state_keys: *const *const c_char,
}

#[repr(C)]
pub struct eh_plugin {
    pub size: u32,
    pub abi_minor: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub built_with: *const c_char,
    pub handlers: *const *const eh_handler,
    pub handler_count: u32,
    pub reserved: u32,
}

pub const EH_VERSION_ANY: u64 = u64::MAX;

#[repr(C)]
pub struct eh_state {
    pub size: u32,
    pub get: extern "C" fn(*const eh_host, *const eh_event, eh_bytes, *mut eh_bytes, *mut u64) -> eh_status,
    pub get_many: extern "C" fn(
        *const eh_host, *const eh_event, *const eh_bytes, u32, *mut eh_bytes, *mut u64,
    ) -> eh_status,
    pub put: extern "C" fn(*const eh_host, *const eh_event, eh_bytes, eh_bytes, u64, u64) -> eh_status,
    pub erase: extern "C" fn(*const eh_host, *const eh_event, eh_bytes, u64) -> eh_status,
}

/// The layout of the contract (64-bit): the build stops if a struct above was copied wrongly.
const _: () = {
    assert!(size_of::<eh_bytes>() == 16);
    assert!(size_of::<eh_pair>() == 32);
    assert!(size_of::<eh_reason>() == 320);
    assert!(size_of::<eh_event>() == 208);
    assert!(size_of::<eh_result>() == 336);
    assert!(size_of::<eh_batch>() == 24);
    assert!(size_of::<eh_host>() == 56);
    assert!(size_of::<eh_route>() == 16);
    assert!(size_of::<eh_handler>() == 104);
    assert!(size_of::<eh_plugin>() == 48);
    assert!(size_of::<eh_state>() == 40);
};

impl eh_bytes {
    pub fn of(text: &str) -> eh_bytes {
        eh_bytes { data: text.as_ptr() as *const c_char, size: text.len() }
    }

    /// What the host lends: never NULL, UTF-8, valid until `handle` returns.
    ///
    /// # Safety
    /// The bytes came from the host, and `handle` has not returned.
    pub unsafe fn text<'a>(self) -> &'a str {
        std::str::from_utf8(std::slice::from_raw_parts(self.data as *const u8, self.size)).unwrap_or("")
    }
}

impl eh_reason {
    /// The arrays end with a NUL, so the last byte stays what the host made it: zero.
    pub fn set(&mut self, code: &str, detail: &str) {
        fn copy(to: &mut [u8], from: &str) {
            let room = to.len() - 1;
            to[..room].iter_mut().zip(from.bytes()).for_each(|(to, from)| *to = from);
        }
        copy(&mut self.code, code);
        copy(&mut self.detail, detail);
    }
}

impl eh_result {
    pub fn done(&mut self) {
        self.outcome = EH_DONE;
    }

    pub fn retry(&mut self, after_ms: u64, code: &str, detail: &str) {
        self.outcome = EH_RETRY;
        self.retry_after_ms = after_ms;
        self.reason.set(code, detail);
    }
}
