/// Swift types from JSON: exact, with the place of what is wrong, and without Foundation.

extension JSON {
    /// What becomes of members that a type does not name.
    public enum UnknownMembers: Sendable {
        /// An event may say more than a handler needs to know.
        case ignored
        /// A member that nobody reads is a misspelt one.
        case refused
    }

    /// Decodes a type. No number is rounded: an ``Amount`` keeps each digit, an integer that does not fit is refused.
    ///
    /// - Throws: ``Mismatch`` with the place and what was expected there, never with the value; and whatever the type's
    ///   own `init(from:)` throws, such as a ``Rejection``.
    public func decode<Value: Decodable>(
        _ type: Value.Type = Value.self, unknown: UnknownMembers = .ignored
    ) throws -> Value {
        let reading = unknown == .refused ? MembersRead() : nil
        let value = try ValueDecoder(value: self, codingPath: [], reading: reading).decode(type)
        if let unread = reading?.unread(of: self) { throw Mismatch(unread, expected: "no such member") }
        return value
    }
}

extension Event {
    /// The payload as a type of the handler's own. See ``JSON/decode(_:unknown:)``.
    public func decode<Detail: Decodable>(_ type: Detail.Type = Detail.self) throws -> Detail {
        try detail.decode(type)
    }
}

/// A value that is one value in JSON, too. All others are made of these.
protocol JSONLeaf {
    /// What a mismatch says: "expected ...".
    static var expected: String { get }
    /// - Returns: `nil` for a value of another type, or out of range.
    init?(decoding json: JSON)
    /// `nil` for what JSON cannot say.
    func encoded() -> JSON?
}

/// One value of a document, and where it is. It is its own container for a single value.
struct ValueDecoder: Decoder, SingleValueDecodingContainer {
    /// `nil` where nothing is.
    let value: JSON?
    let codingPath: [any CodingKey]
    let reading: MembersRead?
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func child(_ value: JSON?, _ key: any CodingKey) -> ValueDecoder {
        ValueDecoder(value: value, codingPath: codingPath + [key], reading: reading)
    }

    func decodeNil() -> Bool { value == nil || value == .null }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if let leaf = type as? any JSONLeaf.Type {
            guard let value, let found = leaf.init(decoding: value) as? Value else { throw mismatch(leaf.expected) }
            return found
        }
        do {
            return try Value(from: self)
        } catch let error as DecodingError {
            throw mismatch(error, of: type)
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw mismatch("an object") }
        reading?.opened(codingPath)
        return KeyedDecodingContainer(MembersContainer<Key>(decoder: self, members: members))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch("a list") }
        return ElementsContainer(decoder: self, elements: elements)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func mismatch(_ expected: String) -> JSON.Mismatch { JSON.Mismatch(Pointer(codingPath), expected: expected) }

    /// What a type's own decoding found wrong. Its words stay here: they may hold the value.
    private func mismatch(_ error: DecodingError, of type: Any.Type) -> JSON.Mismatch {
        var path = codingPath
        switch error {
        case .keyNotFound(let key, let context): path = context.codingPath + [key]
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            path = context.codingPath
        @unknown default: break
        }
        return JSON.Mismatch(
            Pointer(path.count < codingPath.count ? codingPath : path), expected: ValueDecoder.words(for: type))
    }

    /// "one of debit, credit" where the type can list its values.
    private static func words(for type: Any.Type) -> String {
        func names<Cases: CaseIterable>(_ type: Cases.Type) -> [String] {
            type.allCases.prefix(16).compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
        }
        let names = (type as? any CaseIterable.Type).map { names($0) } ?? []
        return names.isEmpty ? "a valid \(type)" : "one of " + names.joined(separator: ", ")
    }
}

/// Which members of which objects were asked for.
final class MembersRead {
    private var places: [Pointer: Set<String>] = [:]

    func opened(_ path: [any CodingKey]) { places[Pointer(path), default: []] = places[Pointer(path)] ?? [] }
    func asked(_ path: [any CodingKey], for key: String) { places[Pointer(path), default: []].insert(key) }

    /// The first member of an object that was opened, but was not asked for it.
    func unread(of value: JSON, at place: Pointer = "") -> Pointer? {
        switch value {
        case .object(let members):
            guard let read = places[place] else { return nil }
            for member in members {
                guard read.contains(member.key) else { return place / member.key }
                if let unread = unread(of: member.value, at: place / member.key) { return unread }
            }
        case .array(let elements):
            for (index, element) in elements.enumerated() {
                if let unread = unread(of: element, at: place / String(index)) { return unread }
            }
        default: break
        }
        return nil
    }
}

extension Pointer {
    init(_ path: [any CodingKey]) {
        self = path.reduce("") { $0 / ($1.intValue.map(String.init) ?? $1.stringValue) }
    }
}
