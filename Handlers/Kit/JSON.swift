/// A JSON value that adds nothing to a plugin's size: Foundation's decoder costs one 13 MB.

/// A JSON value (RFC 8259). Object members are unique and in order of their UTF-8 bytes, numbers keep their digits.
public enum JSON: Hashable, Sendable {
    case null
    case boolean(Bool)
    case number(Number)
    case string(String)
    case array([JSON])
    case object(Members)

    /// A number as it was written, so that no digit of an amount is lost.
    public struct Number: Hashable, Sendable {
        public let text: String
        /// - Parameter text: checked against the grammar by the reader.
        init(checked text: String) { self.text = text }
        public init(_ value: Int) { text = String(value) }
        /// The number as an integer, if it is written as one that fits.
        public var integer: Int? { Int(text) }
    }

    /// The members of an object. Keys are compared by their bytes: "é" in two normal forms is two keys.
    public struct Members: Hashable, Sendable, Sequence {
        public struct Member: Hashable, Sendable {
            public let key: String
            public let value: JSON
        }
        private var sorted: [Member]

        /// - Returns: `nil` if a key occurs twice.
        init?(_ members: [Member]) {
            sorted = members.sorted { $0.key.precedes($1.key) }
            for (member, next) in zip(sorted, sorted.dropFirst()) where !member.key.precedes(next.key) { return nil }
        }

        public var count: Int { sorted.count }
        public func makeIterator() -> IndexingIterator<[Member]> { sorted.makeIterator() }

        public subscript(_ key: String) -> JSON? {
            let (place, isThere) = find(key)
            return isThere ? sorted[place].value : nil
        }

        /// Sets a member, or adds it.
        public mutating func set(_ key: String, _ value: JSON) {
            let (place, isThere) = find(key)
            if isThere { sorted.remove(at: place) }
            sorted.insert(Member(key: key, value: value), at: place)
        }

        /// Where a key is, or belongs.
        private func find(_ key: String) -> (place: Int, isThere: Bool) {
            var low = 0
            var high = sorted.count
            while low < high {
                let middle = (low + high) / 2
                if sorted[middle].key.precedes(key) { low = middle + 1 } else { high = middle }
            }
            return (low, low < sorted.count && !key.precedes(sorted[low].key))
        }

        /// No members.
        public init() { sorted = [] }
    }
}

extension String {
    /// Order of UTF-8 bytes. `<` would compare by canonical equivalence.
    fileprivate func precedes(_ other: String) -> Bool {
        utf8.withContiguousStorageIfAvailable { own in
            other.utf8.withContiguousStorageIfAvailable { others in
                for index in 0..<min(own.count, others.count) where own[index] != others[index] {
                    return own[index] < others[index]
                }
                return own.count < others.count
            }
        }?.flatMap(\.self) ?? utf8.lexicographicallyPrecedes(other.utf8)
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .number(Number(value)) }
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    /// Of two members with one key the later stays.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        var members = Members()
        for (key, value) in elements { members.set(key, value) }
        self = .object(members)
    }
}
