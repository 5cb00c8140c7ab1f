/// Reads JSON strictly: one value, valid UTF-8, no duplicate key, no lone surrogate, a bounded depth.

extension JSON {
    /// The bytes are not JSON as this reader takes it.
    public struct Unreadable: Error, Hashable, Sendable {
        /// Where reading stopped, in bytes.
        public let offset: Int
    }

    /// Nesting beyond this is refused: the reader calls itself once per level.
    public static let maximumDepth = 64

    /// Reads one JSON value (RFC 8259) and nothing after it.
    public init(parsing bytes: some Sequence<UInt8>) throws(Unreadable) {
        var reader = JSONReader(bytes: Array(bytes))
        self = try reader.document()
    }
}

private struct JSONReader {
    let bytes: [UInt8]
    var place = 0

    var unreadable: JSON.Unreadable { JSON.Unreadable(offset: place) }
    var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    mutating func document() throws(JSON.Unreadable) -> JSON {
        let value = try value(depth: 0)
        skipSpace()
        guard place == bytes.count else { throw unreadable }
        return value
    }

    mutating func value(depth: Int) throws(JSON.Unreadable) -> JSON {
        guard depth <= JSON.maximumDepth else { throw unreadable }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    mutating func object(depth: Int) throws(JSON.Unreadable) -> JSON.Members {
        place += 1
        var members: [JSON.Members.Member] = []
        if take("}") { return JSON.Members() }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw unreadable }
            let key = try string()
            guard take(":") else { throw unreadable }
            members.append(.init(key: key, value: try value(depth: depth + 1)))
        } while take(",")
        guard take("}"), let unique = JSON.Members(members) else { throw unreadable }
        return unique
    }

    mutating func array(depth: Int) throws(JSON.Unreadable) -> [JSON] {
        place += 1
        var elements: [JSON] = []
        if take("]") { return elements }
        repeat { elements.append(try value(depth: depth + 1)) } while take(",")
        guard take("]") else { throw unreadable }
        return elements
    }

    /// At an opening quote.
    mutating func string() throws(JSON.Unreadable) -> String {
        place += 1
        let start = place
        while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { place += 1 }
        // Mostly that was all of it; else what follows an escape is taken one by one.
        if next == UInt8(ascii: "\"") { return try text(bytes[start..<place]) }
        var text = Array(bytes[start..<place])
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                return try self.text(text[...])
            case UInt8(ascii: "\\"):
                place += 1
                text.append(contentsOf: try escape())
            case 0..<0x20:
                throw unreadable
            default:
                text.append(byte)
                place += 1
            }
        }
        throw unreadable
    }

    /// At a closing quote.
    private mutating func text(_ bytes: ArraySlice<UInt8>) throws(JSON.Unreadable) -> String {
        place += 1
        guard let text = String(validating: bytes, as: UTF8.self) else { throw unreadable }
        return text
    }

    /// After a backslash.
    mutating func escape() throws(JSON.Unreadable) -> [UInt8] {
        guard let byte = next else { throw unreadable }
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(Character(try scalar())).utf8)
        default: throw unreadable
        }
    }

    /// After `\u`: one code unit, or two that make a surrogate pair.
    mutating func scalar() throws(JSON.Unreadable) -> Unicode.Scalar {
        let unit = try codeUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, bytes[place...].starts(with: "\\u".utf8) else { throw unreadable }
        place += 2
        let low = try codeUnit()
        guard (0xDC00..<0xE000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
        else { throw unreadable }
        return scalar
    }

    mutating func codeUnit() throws(JSON.Unreadable) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw unreadable }
            unit = unit << 4 | UInt16(digit)
            place += 1
        }
        return unit
    }

    mutating func number() throws(JSON.Unreadable) -> JSON.Number {
        let start = place
        skip("-")
        if !skip("0") { try digits() }
        if skip(".") { try digits() }
        if skip("e") || skip("E") {
            if !skip("+") { skip("-") }
            try digits()
        }
        return JSON.Number(checked: String(decoding: bytes[start..<place], as: UTF8.self))
    }

    /// One digit at least.
    mutating func digits() throws(JSON.Unreadable) {
        let start = place
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { place += 1 }
        guard place > start else { throw unreadable }
    }

    mutating func word(_ word: StaticString, _ value: JSON) throws(JSON.Unreadable) -> JSON {
        guard bytes[place...].starts(with: "\(word)".utf8) else { throw unreadable }
        place += word.utf8CodeUnitCount
        return value
    }

    /// Space, then this character, if it is there.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        return skip(character)
    }

    @discardableResult
    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { place += 1 }
    }
}
