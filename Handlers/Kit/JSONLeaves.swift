/// The values that are one value in JSON: those of Swift, and the Kit's own.

extension Bool: JSONLeaf {
    static var expected: String { "true or false" }
    init?(decoding json: JSON) {
        guard case .boolean(let value) = json else { return nil }
        self = value
    }
    func encoded() -> JSON? { .boolean(self) }
}

extension String: JSONLeaf {
    static var expected: String { "a text" }
    init?(decoding json: JSON) {
        guard case .string(let text) = json else { return nil }
        self = text
    }
    func encoded() -> JSON? { .string(self) }
}

// MARK: - numbers

extension JSONLeaf where Self: FixedWidthInteger {
    static var expected: String {
        self == Int.self || self == Int64.self ? "an integer of 64 bits" : "an integer from \(min) to \(max)"
    }
    init?(decoding json: JSON) {
        guard case .number(let number) = json else { return nil }
        self.init(number.text)
    }
    func encoded() -> JSON? { .number(JSON.Number(checked: String(self))) }
}

extension Int: JSONLeaf {}
extension Int8: JSONLeaf {}
extension Int16: JSONLeaf {}
extension Int32: JSONLeaf {}
extension Int64: JSONLeaf {}
extension Int128: JSONLeaf {}
extension UInt: JSONLeaf {}
extension UInt8: JSONLeaf {}
extension UInt16: JSONLeaf {}
extension UInt32: JSONLeaf {}
extension UInt64: JSONLeaf {}
extension UInt128: JSONLeaf {}

extension JSONLeaf where Self: BinaryFloatingPoint & LosslessStringConvertible {
    static var expected: String { "a number" }
    init?(decoding json: JSON) {
        guard case .number(let number) = json, let value = Self(number.text), value.isFinite else { return nil }
        self = value
    }
    func encoded() -> JSON? { isFinite ? .number(JSON.Number(checked: String(self))) : nil }
}

extension Double: JSONLeaf {}
extension Float: JSONLeaf {}

// MARK: - the Kit's own

/// A value of the Kit that is written as a text.
protocol TextLeaf: JSONLeaf {
    init?(text: String)
    var text: String { get }
}

extension TextLeaf {
    init?(decoding json: JSON) {
        guard case .string(let text) = json else { return nil }
        self.init(text: text)
    }
    func encoded() -> JSON? { .string(text) }

    /// For coders of others, which know texts.
    init(foreign decoder: any Decoder) throws {
        guard let value = Self(text: try String(from: decoder)) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "expected \(Self.expected)"))
        }
        self = value
    }
}

extension Amount: TextLeaf, Codable {
    static var expected: String { "a decimal of at most 18 places" }
    init?(text: String) { self.init(text) }
    /// Written as a text or as a number.
    init?(decoding json: JSON) {
        switch json {
        case .string(let text): self.init(text)
        case .number(let number): self.init(number.text)
        default: return nil
        }
    }
    public init(from decoder: any Decoder) throws { try self.init(foreign: decoder) }
    public func encode(to encoder: any Encoder) throws { try text.encode(to: encoder) }
}

extension Identifier: TextLeaf, Codable, CodingKeyRepresentable {
    static var expected: String { rule }
    init?(text: String) { self.init(text) }
    public init(from decoder: any Decoder) throws { try self.init(foreign: decoder) }
    public func encode(to encoder: any Encoder) throws { try text.encode(to: encoder) }
    public init?<Key: CodingKey>(codingKey: Key) { self.init(codingKey.stringValue) }
    public var codingKey: any CodingKey { MemberKey(stringValue: text) }
}

extension Currency: TextLeaf, Codable, CodingKeyRepresentable {
    static var expected: String { "a currency code of three capital letters" }
    var text: String { code }
    init?(text: String) { self.init(text) }
    public init(from decoder: any Decoder) throws { try self.init(foreign: decoder) }
    public func encode(to encoder: any Encoder) throws { try code.encode(to: encoder) }
    public init?<Key: CodingKey>(codingKey: Key) { self.init(codingKey.stringValue) }
    public var codingKey: any CodingKey { MemberKey(stringValue: code) }
}

extension Pointer: TextLeaf, Codable {
    static var expected: String { "a JSON Pointer" }
    init?(text: String) { self.init(parsing: text) }
    public init(from decoder: any Decoder) throws { try self.init(foreign: decoder) }
    public func encode(to encoder: any Encoder) throws { try text.encode(to: encoder) }
}

extension Template: TextLeaf, Codable {
    static var expected: String { "a text with JSON Pointers in braces" }
    var text: String { description }
    init?(text: String) { self.init(text) }
    public init(from decoder: any Decoder) throws { try self.init(foreign: decoder) }
    public func encode(to encoder: any Encoder) throws { try description.encode(to: encoder) }
}

/// In JSON, milliseconds since 1970-01-01T00:00:00Z.
extension Timestamp: JSONLeaf, Codable {
    static var expected: String { "milliseconds since 1970" }
    init?(decoding json: JSON) {
        guard let milliseconds = Int64(decoding: json) else { return nil }
        self.init(milliseconds: milliseconds)
    }
    func encoded() -> JSON? { milliseconds.encoded() }
    public init(from decoder: any Decoder) throws { self.init(milliseconds: try Int64(from: decoder)) }
    public func encode(to encoder: any Encoder) throws { try milliseconds.encode(to: encoder) }
}

/// A part that a type keeps as it is. Coded by the Kit alone.
extension JSON: JSONLeaf, Codable {
    static var expected: String { "a value" }
    init?(decoding json: JSON) { self = json }
    func encoded() -> JSON? { self }
    public init(from decoder: any Decoder) throws {
        throw DecodingError.dataCorrupted(
            .init(codingPath: decoder.codingPath, debugDescription: "HandlerKit alone decodes its JSON"))
    }
    public func encode(to encoder: any Encoder) throws {
        throw EncodingError.invalidValue(
            self, .init(codingPath: encoder.codingPath, debugDescription: "HandlerKit alone encodes its JSON"))
    }
}

/// The name of a member.
struct MemberKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { return nil }
}
