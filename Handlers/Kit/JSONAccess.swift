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

    public func string(at pointer: Pointer) throws(Mismatch) -> String {
        guard case .string(let text) = self[pointer] else { throw Mismatch(pointer, expected: "a text") }
        return text
    }

    public func boolean(at pointer: Pointer) throws(Mismatch) -> Bool {
        guard case .boolean(let value) = self[pointer] else { throw Mismatch(pointer, expected: "true or false") }
        return value
    }

    public func integer(at pointer: Pointer) throws(Mismatch) -> Int {
        guard case .number(let number) = self[pointer], let value = number.integer else {
            throw Mismatch(pointer, expected: "an integer")
        }
        return value
    }

    public func array(at pointer: Pointer) throws(Mismatch) -> [JSON] {
        guard case .array(let elements) = self[pointer] else { throw Mismatch(pointer, expected: "a list") }
        return elements
    }

    public func members(at pointer: Pointer) throws(Mismatch) -> Members {
        guard case .object(let members) = self[pointer] else { throw Mismatch(pointer, expected: "an object") }
        return members
    }

    /// A text that may name a row, a key or a resource.
    public func identifier(at pointer: Pointer) throws(Mismatch) -> Identifier {
        guard case .string(let text) = self[pointer], let identifier = Identifier(text) else {
            throw Mismatch(pointer, expected: Identifier.rule)
        }
        return identifier
    }

    /// A decimal, written as a text or as a number.
    public func amount(at pointer: Pointer) throws(Mismatch) -> Amount {
        let amount: Amount? =
            switch self[pointer] {
            case .string(let text): Amount(text)
            case .number(let number): Amount(number.text)
            default: nil
            }
        guard let amount else { throw Mismatch(pointer, expected: "a decimal of at most 18 places") }
        return amount
    }

    public func positiveAmount(at pointer: Pointer) throws(Mismatch) -> Amount {
        let amount = try amount(at: pointer)
        guard amount > .zero else { throw Mismatch(pointer, expected: "an amount greater than zero") }
        return amount
    }

    public func currency(at pointer: Pointer) throws(Mismatch) -> Currency {
        guard case .string(let text) = self[pointer], let currency = Currency(text) else {
            throw Mismatch(pointer, expected: "a currency code of three capital letters")
        }
        return currency
    }
}
