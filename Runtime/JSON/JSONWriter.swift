/// Compact JSON text. Strings are escaped as RFC 8785, section 3.2.2.2 has it, in every text that we write.
public struct JSONWriter {
    public private(set) var bytes: [UInt8] = []

    init() {}

    /// - Parameter count: bytes that the text may have without being moved.
    public init(reserving count: Int) { bytes.reserveCapacity(count) }

    mutating func write(_ byte: UInt8) { bytes.append(byte) }

    /// What stands in the text as it is.
    public mutating func write(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }
    mutating func write(text: String) { bytes.append(contentsOf: text.utf8) }

    public mutating func write(number: Int) {
        if 0...9 ~= number { bytes.append(0x30 + UInt8(number)) } else { write(text: String(number)) }
    }

    /// A string, between quotes.
    public mutating func write(string text: String) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { write(escaping: $0) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Mostly there is nothing to escape: what lies between is appended as it stands.
    private mutating func write(escaping text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        while true {
            let end = JSONWriter.firstToEscape(in: UnsafeRawBufferPointer(text), from: start)
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<end]))
            if end == text.count { return }
            write(escaped: text[end])
            start = end + 1
        }
    }

    /// Eight bytes at a time: whether one is below 0x20, a quote or a backslash (Bit Twiddling Hacks, "haszero").
    private static func firstToEscape(in text: UnsafeRawBufferPointer, from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var place = start
        while place + 8 <= text.count {
            let word = text.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            let quotes = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
            let slashes = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
            let hits = (word &- ones &* 0x20) & ~word | (quotes &- ones) & ~quotes | (slashes &- ones) & ~slashes
            if hits & highs != 0 { break }
            place += 8
        }
        while place < text.count {
            let byte = text[place]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return place }
            place += 1
        }
        return place
    }

    private mutating func write(escaped byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): write("\\\"")
        case UInt8(ascii: "\\"): write("\\\\")
        case 0x08: write("\\b")
        case 0x09: write("\\t")
        case 0x0A: write("\\n")
        case 0x0C: write("\\f")
        case 0x0D: write("\\r")
        case 0..<0x20:
            write("\\u00")
            for digit in [byte >> 4, byte & 15] { write(digit < 10 ? 0x30 + digit : 0x61 + digit - 10) }
        default: bytes.append(byte)
        }
    }

    /// Brackets, commas and whatever `each` writes.
    mutating func write<Element>(
        _ elements: [Element], between open: UInt8, and close: UInt8, each: (inout JSONWriter, Element) -> Void
    ) {
        write(open)
        var isFirst = true
        for element in elements {
            if !isFirst { write(UInt8(ascii: ",")) }
            isFirst = false
            each(&self, element)
        }
        write(close)
    }

    static let object = (open: UInt8(ascii: "{"), close: UInt8(ascii: "}"))
    static let array = (open: UInt8(ascii: "["), close: UInt8(ascii: "]"))
}

extension JSONValue {
    /// The value as compact text, members in their order. Reading it gives the same value, but for numbers that are
    /// not finite: they are written as null.
    public func serialised() -> [UInt8] {
        var writer = JSONWriter()
        serialise(to: &writer)
        return writer.bytes
    }

    private func serialise(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.write("null")
        case .bool(let value): writer.write(value ? "true" : "false")
        case .integer(let value): writer.write(text: String(value))
        case .double(let value): value.isFinite ? writer.write(text: value.description) : writer.write("null")
        case .string(let value): writer.write(string: value)
        case .array(let elements):
            let (open, close) = JSONWriter.array
            writer.write(elements, between: open, and: close) { writer, element in element.serialise(to: &writer) }
        case .object(let members):
            let (open, close) = JSONWriter.object
            writer.write(members, between: open, and: close) { writer, member in
                writer.write(string: member.key)
                writer.write(UInt8(ascii: ":"))
                member.value.serialise(to: &writer)
            }
        }
    }
}
