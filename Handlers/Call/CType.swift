/// The types that a plain function may have.

import CFFI

enum CType: String, CaseIterable, Sendable {
    case i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, bool
    /// A copy with a NUL at its end, valid until the function returns.
    case cstr
    /// Two arguments: a pointer, and a `size_t`.
    case bytes
    /// As a result alone.
    case void

    /// What C passes for one of them.
    var passed: [UnsafeMutablePointer<ffi_type>] {
        switch self {
        case .i8: [cffi_i8()]
        case .i16: [cffi_i16()]
        case .i32: [cffi_i32()]
        case .i64: [cffi_i64()]
        case .u8, .bool: [cffi_u8()]
        case .u16: [cffi_u16()]
        case .u32: [cffi_u32()]
        case .u64: [cffi_u64()]
        case .f32: [cffi_f32()]
        case .f64: [cffi_f64()]
        case .cstr: [cffi_pointer()]
        case .bytes: [cffi_pointer(), cffi_u64()]
        case .void: [cffi_void()]
        }
    }

    /// For whoever reads why an event was rejected.
    var expectation: String {
        switch self {
        case .i8: "i8, a whole number from -128 to 127"
        case .i16: "i16, a whole number from -32768 to 32767"
        case .i32: "i32, a whole number from -2147483648 to 2147483647"
        case .i64: "i64, a whole number from -2^63 to 2^63-1"
        case .u8: "u8, a whole number from 0 to 255"
        case .u16: "u16, a whole number from 0 to 65535"
        case .u32: "u32, a whole number from 0 to 4294967295"
        case .u64: "u64, a whole number from 0 to 2^64-1"
        case .f32: "f32, a number in its range; a whole one only if it is exact"
        case .f64: "f64, a number in its range; a whole one only if it is exact"
        case .bool: "bool, true or false"
        case .cstr: "cstr, a text without NUL"
        case .bytes: "bytes, a text"
        case .void: "nothing"
        }
    }
}
