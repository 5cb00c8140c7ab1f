import CSimdjson

/// One value of a ``JSONDocument``: a place in its text. Cheap to copy; it keeps the text alive.
public struct JSONNode: @unchecked Sendable {
    // Unchecked: nobody writes to the storage.
    public enum Kind: Sendable { case null, bool, number, string, array, object }

    private let storage: JSONStorage
    private let index: Int

    init(_ storage: JSONStorage, _ index: Int) {
        self.storage = storage
        self.index = index
    }

    private var node: csimdjson_node { storage.node(index) }
    private var code: csimdjson_kind { storage.code(index) }

    public var kind: Kind {
        switch code {
        case CSIMDJSON_NULL: .null
        case CSIMDJSON_FALSE, CSIMDJSON_TRUE: .bool
        case CSIMDJSON_STRING: .string
        case CSIMDJSON_ARRAY: .array
        case CSIMDJSON_OBJECT: .object
        default: .number
        }
    }

    /// True if the value stands in the text as these bytes.
    public func isWritten(_ bytes: ArraySlice<UInt8>) -> Bool { storage.isWritten(bytes, index) }

    /// Where the value starts, in bytes from the start of the text.
    public var offset: Int { Int(node.start) }
    /// The value as it stands in the text, quotes and brackets included; the same buffer, no copy.
    public var raw: ArraySlice<UInt8> { storage.raw(index) }
    /// Members of an object, elements of an array, else 0.
    public var count: Int { Int(node.count) }

    // MARK: scalars

    public var isNull: Bool { code == CSIMDJSON_NULL }
    public var bool: Bool? { kind == .bool ? code == CSIMDJSON_TRUE : nil }

    /// The value of a literal without fraction and exponent that 64 bits hold.
    public var int: Int64? {
        guard code == CSIMDJSON_INTEGER else { return nil }
        let isNegative = raw.first == UInt8(ascii: "-")
        var value: Int64 = 0
        for digit in raw.dropFirst(isNegative ? 1 : 0) { value = value &* 10 &- Int64(digit & 15) }
        return isNegative ? value : 0 &- value
    }

    /// Any number, as the double nearest to it.
    public var double: Double? {
        guard kind == .number else { return nil }
        return raw.withUnsafeBufferPointer { literal in
            literal.baseAddress.map { csimdjson_double($0, literal.count) }
        }
    }

    /// True for a string with a backslash in it: ``stringBytes`` is a copy then.
    public var isEscaped: Bool { node.escaped }

    /// A string without quotes and escapes: a slice of the text if it has no escapes.
    public var stringBytes: ArraySlice<UInt8>? { storage.stringBytes(index) }

    public var string: String? { storage.string(index) }

    /// The number that a string of at most 18 digits, and nothing else, says.
    public var digits: Int64? { storage.digits(index) }

    /// True for a string of exactly these bytes, escapes undone.
    public func isString(_ text: String) -> Bool { storage.isString(text, index) }

    /// True for a string of which the bytes, escapes undone, are what `isFit` wants.
    public func isString(where isFit: (UnsafeBufferPointer<UInt8>) -> Bool) -> Bool {
        storage.withString(index, isFit) ?? false
    }

    // MARK: containers

    /// The member of an object.
    public subscript(key: String) -> JSONNode? {
        var key = key
        return key.withUTF8 { member($0) }
    }

    /// The member of an object under a name that is known beforehand.
    public func member(_ name: StaticString) -> JSONNode? { name.withUTF8Buffer { member($0) } }

    private func member(_ name: UnsafeBufferPointer<UInt8>) -> JSONNode? {
        guard code == CSIMDJSON_OBJECT else { return nil }
        let value = storage.read { bytes, nodes in
            csimdjson_member(bytes, nodes, UInt32(index), name.baseAddress, name.count)
        }
        return value == 0 ? nil : JSONNode(storage, Int(value))
    }

    /// The members of an object under names that are looked for together.
    public func members(_ names: MemberNames) -> NamedMembers {
        var found = NamedMembers(storage)
        guard code == CSIMDJSON_OBJECT else { return found }
        storage.read { bytes, nodes in
            found.fill { places in
                csimdjson_members(bytes, nodes, UInt32(index), names.names, names.names.count, places)
            }
        }
        return found
    }

    /// The canonical form, for the time of the call.
    func withCanonical<Value>(_ body: (UnsafeBufferPointer<UInt8>) -> Value) -> Result<Value, JSONError> {
        storage.read { bytes, nodes in
            let text = csimdjson_canonicalise(bytes, nodes, UInt32(index))
            if let kind = JSONError.Kind(text.status) { return .failure(JSONError(kind, at: text.offset)) }
            return .success(body(UnsafeBufferPointer(start: text.bytes, count: text.length)))
        }
    }

    /// Members in the order of the text; empty for anything but an object.
    public var members: [(key: JSONNode, value: JSONNode)] {
        guard kind == .object else { return [] }
        var members: [(key: JSONNode, value: JSONNode)] = []
        members.reserveCapacity(count)
        var at = index + 1
        for _ in 0..<count {
            members.append((JSONNode(storage, at), JSONNode(storage, at + 1)))
            at = Int(storage.node(at + 1).next)
        }
        return members
    }

    /// The first element of an array that has one.
    public var firstElement: JSONNode? { kind == .array && count > 0 ? JSONNode(storage, index + 1) : nil }

    /// Elements of an array; empty for anything else.
    public var elements: [JSONNode] {
        guard kind == .array else { return [] }
        var elements: [JSONNode] = []
        elements.reserveCapacity(count)
        var at = index + 1
        for _ in 0..<count {
            elements.append(JSONNode(storage, at))
            at = Int(storage.node(at).next)
        }
        return elements
    }

    // MARK: conversion

    /// A copy that is independent of the text.
    public var value: JSONValue {
        switch kind {
        case .null: .null
        case .bool: .bool(code == CSIMDJSON_TRUE)
        case .number: int.map { .integer($0) } ?? .double(double ?? 0)
        case .string: .string(string ?? "")
        case .array: .array(elements.map(\.value))
        case .object: .object(members.map { JSONMember($0.key.string ?? "", $0.value.value) })
        }
    }

    /// True if both say the same, in whatever order, spacing and spelling: numbers by value, strings by their bytes.
    public func says(theSameAs other: JSONNode) -> Bool {
        guard kind == other.kind, count == other.count else { return false }
        switch kind {
        case .null: return true
        case .bool: return code == other.code
        case .number:
            if let a = int, let b = other.int { return a == b }
            return double == other.double
        case .string: return stringBytes == other.stringBytes
        case .array: return zip(elements, other.elements).allSatisfy { $0.says(theSameAs: $1) }
        case .object:
            return zip(sortedMembers, other.sortedMembers).allSatisfy { a, b in
                a.key == b.key && a.value.says(theSameAs: b.value)
            }
        }
    }

    /// Members by key, escapes undone: in one order whatever that of the text.
    private var sortedMembers: [(key: ArraySlice<UInt8>, value: JSONNode)] {
        members.map { ($0.key.stringBytes ?? [], $0.value) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }
}

extension JSONValue {
    /// Reads a text strictly; see ``JSONDocument``.
    public static func parse(_ bytes: ArraySlice<UInt8>, depth: Int = JSONValue.depth) throws(JSONError) -> JSONValue {
        try JSONDocument(bytes, depth: depth).root.value
    }

    public static func parse(_ bytes: [UInt8], depth: Int = JSONValue.depth) throws(JSONError) -> JSONValue {
        try parse(bytes[...], depth: depth)
    }

    public static func parse(_ text: String, depth: Int = JSONValue.depth) throws(JSONError) -> JSONValue {
        try parse(Array(text.utf8), depth: depth)
    }
}
