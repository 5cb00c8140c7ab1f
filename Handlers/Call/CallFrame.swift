/// The arguments of one call, and the memory that they point to.

import Kit

/// Where the value of a parameter comes from: a JSON Pointer into the payload, or a field of the event by name.
enum ArgumentSource: Sendable {
    case payload(Pointer)
    case field(Field)

    enum Field: String, Sendable {
        case id = "$id"
        case source = "$source"
        case detailType = "$detail-type"
        case resource = "$resource"
        case correlationID = "$correlation-id"
        /// The whole payload, as JSON.
        case detail = "$detail"
        case attempt = "$attempt"
        /// When it was signed: milliseconds since 1970.
        case time = "$time"
    }

    init(_ text: String) throws(Rejection) {
        if let field = Field(rawValue: text) { self = .field(field) } else if let pointer = Pointer(parsing: text) {
            self = .payload(pointer)
        } else { throw Rejection("call.signature", "no JSON Pointer and no field: \(text)") }
    }

    var text: String {
        switch self {
        case .payload(let pointer): pointer.text.isEmpty ? "the payload" : pointer.text
        case .field(let field): field.rawValue
        }
    }

    /// `nil` where the payload has nothing.
    func value(in event: Event) -> JSON? {
        guard case .field(let field) = self else {
            if case .payload(let pointer) = self { return event.detail[pointer] }
            return nil
        }
        switch field {
        case .id: return .string(event.id)
        case .source: return .string(event.source)
        case .detailType: return .string(event.detailType)
        case .resource: return .string(event.resource)
        case .correlationID: return .string(event.correlationID)
        case .detail: return .string(event.detail.description)
        case .attempt: return .number(JSON.Number(event.attempt))
        case .time: return .number(JSON.Number(Int(event.signedAt.milliseconds)))
        }
    }
}

struct Parameter: Sendable {
    let type: CType
    let source: ArgumentSource
    init(_ type: CType, from source: ArgumentSource) {
        self.type = type
        self.source = source
    }
}

/// Lives for one call, on one thread.
final class CallFrame {
    private var registers: [UInt64] = []
    private var texts: [UnsafeMutableRawBufferPointer] = []

    deinit { for text in texts { text.deallocate() } }

    /// - Throws: ``Rejection`` `call.argument`: the value does not fit. It is not told, only its place.
    func append(_ parameter: Parameter, of event: Event) throws(Rejection) {
        guard let value = parameter.source.value(in: event), append(value, as: parameter.type) else {
            throw Rejection(
                "call.argument", "\(parameter.source.text): expected \(parameter.type.expectation)")
        }
    }

    private func append(_ value: JSON, as type: CType) -> Bool {
        switch (type, value) {
        case (.bool, .boolean(let value)): registers.append(value ? 1 : 0)
        case (.cstr, .string(let text)):
            guard !text.utf8.contains(0) else { return false }
            registers.append(lend(text))
        case (.bytes, .string(let text)): registers += [lend(text), UInt64(text.utf8.count)]
        case (.f64, .number(let number)):
            guard let value = ExactNumber(number.text).double else { return false }
            registers.append(value.bitPattern)
        case (.f32, .number(let number)):
            guard let value = ExactNumber(number.text).float else { return false }
            registers.append(UInt64(value.bitPattern))
        case (_, .number(let number)):
            guard let pattern = Self.integer(ExactNumber(number.text), type) else { return false }
            registers.append(pattern)
        default: return false
        }
        return true
    }

    private static func integer(_ number: ExactNumber, _ type: CType) -> UInt64? {
        func fitted<Integer: FixedWidthInteger>(_: Integer.Type) -> UInt64? {
            guard let value = number.whole.flatMap({ Integer(exactly: $0) }) else { return nil }
            return UInt64(truncatingIfNeeded: value)
        }
        switch type {
        case .i8: return fitted(Int8.self)
        case .i16: return fitted(Int16.self)
        case .i32: return fitted(Int32.self)
        case .i64: return fitted(Int64.self)
        case .u8: return fitted(UInt8.self)
        case .u16: return fitted(UInt16.self)
        case .u32: return fitted(UInt32.self)
        case .u64: return fitted(UInt64.self)
        case .f32, .f64, .bool, .cstr, .bytes, .void: return nil
        }
    }

    /// A copy with a NUL behind it.
    private func lend(_ text: String) -> UInt64 {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count + 1, alignment: 16)
        memory.copyBytes(from: text.utf8)
        memory[text.utf8.count] = 0
        texts.append(memory)
        return UInt64(UInt(bitPattern: memory.baseAddress))
    }

    /// The addresses of the arguments, for the time of the call. Both of our machines are little-endian, so that the
    /// low bytes of a register are the small types.
    func withArguments(_ body: (UnsafeMutablePointer<UnsafeMutableRawPointer?>?) -> Void) {
        registers.withUnsafeMutableBufferPointer { registers in
            var places: [UnsafeMutableRawPointer?] = registers.indices.map { index in
                registers.baseAddress.map { UnsafeMutableRawPointer($0 + index) }
            }
            places.withUnsafeMutableBufferPointer { body($0.baseAddress) }
        }
    }
}
