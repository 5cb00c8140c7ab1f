/// Typed access to JSON values: what is missing or of another type is an error that names the place, not the value.

extension JSON {
    /// A value is missing, or is not what was expected there. Holds nothing of the document but the place.
    public struct Mismatch: Error, Hashable, Sendable, CustomStringConvertible {
        public let pointer: Pointer
        public let expected: String
        public init(_ pointer: Pointer, expected: String) {
            self.pointer = pointer
            self.expected = expected
        }
        public var description: String { "\(pointer.text): expected \(expected)" }
    }

    /// The value at a place, or `nil`.
    public subscript(_ pointer: Pointer) -> JSON? {
        var value = self
        for token in pointer.tokens {
            switch value {
            case .object(let members):
                guard let member = members[token] else { return nil }
                value = member
            case .array(let elements):
                guard let index = Int(token), String(index) == token, elements.indices.contains(index) else {
                    return nil
                }
                value = elements[index]
            default:
                return nil
            }
        }
        return value
    }

    public func string(at pointer: Pointer) throws(Mismatch) -> String { try leaf(at: pointer) }
    public func boolean(at pointer: Pointer) throws(Mismatch) -> Bool { try leaf(at: pointer) }
    public func integer(at pointer: Pointer) throws(Mismatch) -> Int { try leaf(at: pointer) }
    /// A text that may name a row, a key or a resource.
    public func identifier(at pointer: Pointer) throws(Mismatch) -> Identifier { try leaf(at: pointer) }
    public func currency(at pointer: Pointer) throws(Mismatch) -> Currency { try leaf(at: pointer) }
    /// A decimal, written as a text or as a number.
    public func amount(at pointer: Pointer) throws(Mismatch) -> Amount { try leaf(at: pointer) }

    public func positiveAmount(at pointer: Pointer) throws(Mismatch) -> Amount {
        let amount = try amount(at: pointer)
        guard amount > .zero else { throw Mismatch(pointer, expected: "an amount greater than zero") }
        return amount
    }

    public func array(at pointer: Pointer) throws(Mismatch) -> [JSON] {
        guard case .array(let elements) = self[pointer] else { throw Mismatch(pointer, expected: "a list") }
        return elements
    }

    public func members(at pointer: Pointer) throws(Mismatch) -> Members {
        guard case .object(let members) = self[pointer] else { throw Mismatch(pointer, expected: "an object") }
        return members
    }

    private func leaf<Leaf: JSONLeaf>(at pointer: Pointer) throws(Mismatch) -> Leaf {
        guard let leaf = self[pointer].flatMap({ Leaf(decoding: $0) }) else {
            throw Mismatch(pointer, expected: Leaf.expected)
        }
        return leaf
    }
}
