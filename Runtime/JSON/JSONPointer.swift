/// A path into a value (RFC 6901): `/payment/id`, `/legs/0`.
public struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    public let description: String
    /// The reference tokens, with `~1` and `~0` undone.
    public let tokens: [String]

    /// - Throws: `badPointer` for a text that is not empty and does not start with `/`, or has a `~` before anything
    ///   but 0 and 1.
    public init(parsing text: String) throws(JSONError) {
        guard text.isEmpty || text.utf8.first == UInt8(ascii: "/") else { throw JSONError(.badPointer) }
        var tokens: [[UInt8]] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "/"): tokens.append([])
            case UInt8(ascii: "~"):
                let end = tokens.count - 1
                switch rest.popFirst() {
                case UInt8(ascii: "0"): tokens[end].append(UInt8(ascii: "~"))
                case UInt8(ascii: "1"): tokens[end].append(UInt8(ascii: "/"))
                case let letter:
                    let left = rest.count + (letter == nil ? 1 : 2)
                    throw JSONError(.badPointer, at: text.utf8.count - left)
                }
            default: tokens[tokens.count - 1].append(byte)
            }
        }
        description = text
        self.tokens = tokens.map { String(decoding: $0, as: UTF8.self) }
    }

    public static func == (a: JSONPointer, b: JSONPointer) -> Bool { a.description.hasBytes(of: b.description) }
    public func hash(into hasher: inout Hasher) { hasher.combineBytes(of: description) }

    /// The index of an array that a token means: digits without a leading zero; `-` means none that exists.
    static func index(_ token: String) -> Int? {
        let digits = token.utf8
        guard digits.count <= 9, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard digits.count == 1 || digits.first != 0x30 else { return nil }
        return Int(token)
    }
}

extension JSONValue {
    /// What the pointer points at, `nil` if there is nothing.
    public func at(_ pointer: JSONPointer) -> JSONValue? {
        var value = self
        for token in pointer.tokens {
            let next: JSONValue? =
                if case .array = value { JSONPointer.index(token).flatMap { value[$0] } } else { value[token] }
            guard let next else { return nil }
            value = next
        }
        return value
    }
}

extension JSONNode {
    /// What the pointer points at, `nil` if there is nothing.
    public func at(_ pointer: JSONPointer) -> JSONNode? {
        var node = self
        for token in pointer.tokens {
            if node.kind == .array {
                guard let index = JSONPointer.index(token), index < node.count else { return nil }
                node = node.elements[index]
            } else {
                guard let member = node[token] else { return nil }
                node = member
            }
        }
        return node
    }
}
