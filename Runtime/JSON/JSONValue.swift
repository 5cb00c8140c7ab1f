/// A JSON value of one's own, for everything but the hot path.
///
/// Members keep their order. Strings compare as bytes, everywhere: the precomposed and the decomposed spelling of one
/// word are two strings here, as they are to every other JSON reader.
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    /// A literal without fraction and exponent that 64 bits hold.
    case integer(Int64)
    /// Any other number.
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])

    /// Containers within containers that a text may have, unless the caller says otherwise.
    public static let depth = 64
}

/// One key of an object, and its value.
public struct JSONMember: Sendable, Hashable {
    public let key: String
    public var value: JSONValue
    public init(_ key: String, _ value: JSONValue) {
        self.key = key
        self.value = value
    }
    public static func == (a: JSONMember, b: JSONMember) -> Bool { a.key.hasBytes(of: b.key) && a.value == b.value }
    public func hash(into hasher: inout Hasher) {
        hasher.combineBytes(of: key)
        hasher.combine(value)
    }
}

extension JSONValue {
    public var isNull: Bool { if case .null = self { true } else { false } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var int: Int64? { if case .integer(let value) = self { value } else { nil } }
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    public var members: [JSONMember]? { if case .object(let value) = self { value } else { nil } }
    /// Any number, as the double nearest to it.
    public var double: Double? {
        switch self {
        case .double(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }

    /// The member of an object. Setting `nil` removes it; setting a new one appends it; on anything but an object,
    /// reading is `nil` and setting does nothing.
    public subscript(key: String) -> JSONValue? {
        get { members?.first { $0.key.hasBytes(of: key) }?.value }
        set {
            guard case .object(var members) = self else { return }
            let index = members.firstIndex { $0.key.hasBytes(of: key) }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(JSONMember(key, value))
            case (nil, nil): return
            }
            self = .object(members)
        }
    }

    /// The element of an array, `nil` outside of its bounds and on anything else.
    public subscript(index: Int) -> JSONValue? {
        guard let array, array.indices.contains(index) else { return nil }
        return array[index]
    }
}

// MARK: - sameness

extension JSONValue: Hashable {
    /// Same kind, same bytes, same order of members; doubles by their bits.
    public static func == (a: JSONValue, b: JSONValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.double(let a), .double(let b)): a.bitPattern == b.bitPattern
        case (.string(let a), .string(let b)): a.hasBytes(of: b)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .integer(let value): hasher.combine(value)
        case .double(let value): hasher.combine(value.bitPattern)
        case .string(let value): hasher.combineBytes(of: value)
        case .array(let value): hasher.combine(value)
        case .object(let value): hasher.combine(value)
        }
    }
}

extension String {
    func hasBytes(of other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        return utf8.elementsEqual(other.utf8)
    }
}

extension Hasher {
    mutating func combineBytes(of text: String) {
        combine(text.utf8.count)
        for byte in text.utf8 { combine(byte) }
    }
}

// MARK: - literals

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { JSONMember($0.0, $0.1) })
    }
}
