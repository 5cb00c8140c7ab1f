/// Texts with places for values of the payload.

/// A text with JSON Pointers in braces: `payment {/paymentId} of {/amount}`. A brace without a `/` after it is text.
public struct Template: Hashable, Sendable, CustomStringConvertible {
    private enum Part: Hashable, Sendable {
        case text(String)
        case value(Pointer)
    }
    private let parts: [Part]
    public let description: String

    /// - Returns: `nil` if a place is not closed before the next one, or holds no JSON Pointer.
    public init?(_ text: String) {
        var parts: [Part] = []
        var rest = text[...]
        while let open = rest.utf8.indices.first(where: { rest.utf8[$0...].starts(with: "{/".utf8) }) {
            let place = rest[rest.utf8.index(after: open)...]
            guard let close = place.utf8.firstIndex(of: UInt8(ascii: "}")),
                !place[..<close].utf8.contains(UInt8(ascii: "{")),
                let pointer = Pointer(parsing: String(place[..<close]))
            else { return nil }
            parts += [.text(String(rest[..<open])), .value(pointer)]
            rest = rest[rest.utf8.index(after: close)...]
        }
        self.parts = parts + [.text(String(rest))]
        description = text
    }

    /// The text, with each place filled by `value`.
    public func render<Failure: Error>(_ value: (Pointer) throws(Failure) -> String) throws(Failure) -> String {
        var text = ""
        for part in parts {
            switch part {
            case .text(let constant): text += constant
            case .value(let pointer): text += try value(pointer)
            }
        }
        return text
    }
}

/// A key of the state, as the host knows it before the handler runs: `position:{/account}:{/currency}`.
///
/// Values must be an ``Identifier`` each. So no value holds a separator, and no two rows share a key.
public struct KeyTemplate: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    private let template: Template

    /// A template in source code. One that is malformed is a mistake of its author, and stops the program.
    public init(stringLiteral text: String) {
        guard let template = Template(text) else { preconditionFailure("not a key template: \(text)") }
        self.template = template
    }

    public var description: String { template.description }

    /// The key for one payload.
    public func key(in detail: JSON) throws(JSON.Mismatch) -> String {
        try template.render { (pointer) throws(JSON.Mismatch) in try detail.identifier(at: pointer).text }
    }
}
