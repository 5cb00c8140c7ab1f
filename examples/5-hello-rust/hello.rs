//! A handler in Rust, by rustc alone: greets every settled payment, and counts them in its state.
//!
//! Built with `panic=abort`: a panic must not cross the boundary. It ends the worker, and its events are tried again.

mod event_handler;

use event_handler::*;
use std::os::raw::{c_char, c_void};
use std::ptr::null;

/// One instance. It never changes: what must be remembered goes into the host's state.
struct Hello {
    host: *const eh_host,
    state: *const eh_state,
}

impl Hello {
    /// The count after this event, or what went wrong.
    unsafe fn greet(&self, event: *const eh_event) -> Result<u64, &'static str> {
        let state = &*self.state;
        let key = eh_bytes::of("greeted");
        let mut value = eh_bytes::of("");
        let greeted = match (state.get)(self.host, event, key, &mut value, std::ptr::null_mut()) {
            EH_OK => value.text().parse().unwrap_or(0),
            EH_NOT_FOUND => 0,
            _ => return Err("the state did not answer"),
        } + 1u64;
        let text = greeted.to_string();
        match (state.put)(self.host, event, key, eh_bytes::of(&text), EH_VERSION_ANY, 0) {
            EH_OK => Ok(greeted),
            _ => Err("the count was not written"),
        }
    }

    unsafe fn log(&self, event: *const eh_event, greeted: u64) {
        let text = greeted.to_string();
        let field = eh_pair { key: eh_bytes::of("greeted"), value: eh_bytes::of(&text) };
        ((*self.host).log)(self.host, event, EH_INFO, eh_bytes::of("hello"), &field, 1);
    }
}

extern "C" fn create(
    host: *const eh_host, _config: eh_bytes, instance: *mut *mut c_void, _why: *mut eh_reason,
) -> eh_status {
    unsafe {
        let state = ((*host).service)(host, text("eh.state/1\0")) as *const eh_state;
        *instance = Box::into_raw(Box::new(Hello { host, state })) as *mut c_void;
    }
    EH_OK
}

extern "C" fn handle(instance: *mut c_void, batch: *const eh_batch) {
    unsafe {
        let hello = &*(instance as *const Hello);
        for index in 0..(*batch).count as usize {
            let event = *(*batch).events.add(index);
            let result = &mut **(*batch).results.add(index);
            match hello.greet(event) {
                Ok(greeted) => {
                    hello.log(event, greeted);
                    result.done();
                }
                Err(why) => result.retry(0, "hello.state", why),
            }
        }
    }
}

extern "C" fn destroy(instance: *mut c_void) {
    drop(unsafe { Box::from_raw(instance as *mut Hello) });
}

/// A C string in the program's own memory.
const fn text(text: &'static str) -> *const c_char {
    text.as_ptr() as *const c_char
}

/// The tables are written here and never after, so that every thread may read them.
struct Table<T>(T);
unsafe impl<T> Sync for Table<T> {}

static ROUTES: Table<[eh_route; 1]> = Table([eh_route {
    source: text("qsl.payments\0"),
    detail_type: text("Payment.Settled.v1\0"),
}]);
static SERVICES: Table<[*const c_char; 2]> = Table([text("eh.state/1\0"), null()]);
static BUSINESS_KEY: Table<[*const c_char; 2]> = Table([text("/paymentId\0"), null()]);
static STATE_KEYS: Table<[*const c_char; 2]> = Table([text("greeted\0"), null()]);

static HANDLER: Table<eh_handler> = Table(eh_handler {
    size: std::mem::size_of::<eh_handler>() as u32,
    route_count: 1,
    id: text("hello-rust\0"),
    routes: &ROUTES.0 as *const eh_route,
    create,
    handle,
    destroy,
    threading: 0,
    max_concurrency: 0,
    max_batch: 0,
    reserved: 0,
    summary: text("Greets settled payments\0"),
    config_schema: null(),
    services: &SERVICES.0 as *const *const c_char,
    business_key: &BUSINESS_KEY.0 as *const *const c_char,
    state_keys: &STATE_KEYS.0 as *const *const c_char,
});

static HANDLERS: Table<[*const eh_handler; 1]> = Table([&HANDLER.0]);

static PLUGIN: Table<eh_plugin> = Table(eh_plugin {
    size: std::mem::size_of::<eh_plugin>() as u32,
    abi_minor: 0,
    name: text("hello-rust\0"),
    version: text("1.0.0\0"),
    built_with: text("rust\0"),
    handlers: &HANDLERS.0 as *const *const eh_handler,
    handler_count: 1,
    reserved: 0,
});

#[no_mangle]
pub extern "C" fn eh_plugin_entry_v1() -> *const eh_plugin {
    &PLUGIN.0
}
