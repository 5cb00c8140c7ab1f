/// A function of a library, and how it is called.

import CFFI
import Kit

/// A library that is open for as long as the process lives.
struct Library: @unchecked Sendable {
    // Unchecked: the loader's handle, which any thread may use.
    private let handle: UnsafeMutableRawPointer

    /// - Throws: ``Rejection``, with the loader's own words.
    init(at path: String) throws(Rejection) {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw Rejection("call.library", dlerror().map { String(cString: $0) } ?? "cannot be loaded")
        }
        self.handle = handle
    }

    /// The one that the sidecar hands to the worker: a sealed copy, descriptor 7 (WP_LIBRARY_FD).
    static func inherited() throws(Rejection) -> Library { try Library(at: "/proc/self/fd/7") }

    func function(_ name: String) throws(Rejection) -> UnsafeMutableRawPointer {
        guard let symbol = dlsym(handle, name) else { throw Rejection("call.symbol", "no symbol \(name)") }
        return symbol
    }
}

/// Unchecked: written when it is made, and never after.
final class PlainFunction: @unchecked Sendable {
    private typealias Function = @convention(c) () -> Void

    private let function: Function
    private let result: CType
    private let interface = UnsafeMutablePointer<ffi_cif>.allocate(capacity: 1)
    private let types: UnsafeMutableBufferPointer<UnsafeMutablePointer<ffi_type>?>

    init(_ symbol: UnsafeMutableRawPointer, _ parameters: [CType], result: CType) throws(Rejection) {
        function = unsafeBitCast(symbol, to: Function.self)
        self.result = result
        let passed = parameters.flatMap(\.passed)
        types = .allocate(capacity: max(passed.count, 1))
        types.initialize(repeating: nil)
        for (index, type) in passed.enumerated() { types[index] = type }
        let status = ffi_prep_cif(
            interface, FFI_DEFAULT_ABI, UInt32(passed.count), result.passed[0], types.baseAddress)
        guard status == FFI_OK else { throw Rejection("call.signature", "libffi refuses it") }
    }

    deinit {
        interface.deallocate()
        types.deallocate()
    }

    /// What it returned, in words: a number, `true`, `false`; `nil` for nothing.
    func call(_ frame: CallFrame) -> String? {
        // libffi widens small results to a whole register.
        var register: UInt64 = 0
        frame.withArguments { ffi_call(interface, function, &register, $0) }
        switch result {
        case .i8: return String(Int8(truncatingIfNeeded: register))
        case .i16: return String(Int16(truncatingIfNeeded: register))
        case .i32: return String(Int32(truncatingIfNeeded: register))
        case .i64: return String(Int64(truncatingIfNeeded: register))
        case .u8: return String(UInt8(truncatingIfNeeded: register))
        case .u16: return String(UInt16(truncatingIfNeeded: register))
        case .u32: return String(UInt32(truncatingIfNeeded: register))
        case .u64: return String(register)
        case .bool: return UInt8(truncatingIfNeeded: register) == 0 ? "false" : "true"
        case .f32, .f64, .cstr, .bytes, .void: return nil
        }
    }
}
