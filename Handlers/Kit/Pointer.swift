/// A place in a JSON document.

/// A JSON Pointer (RFC 6901): `/payee/name`. The empty one is the whole document.
public struct Pointer: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let text: String
    let tokens: [String]

    /// - Returns: `nil` if the text is not empty and does not begin with `/`, or has a `~` before anything but 0 or 1.
    public init?(parsing text: String) {
        guard text.isEmpty || text.utf8.first == UInt8(ascii: "/") else { return nil }
        var tokens: [String] = []
        // By bytes: to a `Character` an accent after the slash would be part of it.
        for part in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst() {
            guard let token = Pointer.unescape(Substring(part)) else { return nil }
            tokens.append(token)
        }
        self.text = text
        self.tokens = tokens
    }

    /// A pointer in source code. One that is malformed is a mistake of its author, and stops the program.
    public init(stringLiteral text: String) {
        guard let pointer = Pointer(parsing: text) else { preconditionFailure("not a JSON Pointer: \(text)") }
        self = pointer
    }

    private init(text: String, tokens: [String]) {
        self.text = text
        self.tokens = tokens
    }

    /// The place of a member below this one.
    public static func / (parent: Pointer, key: String) -> Pointer {
        var escaped = ""
        for scalar in key.unicodeScalars {
            switch scalar {
            case "~": escaped += "~0"
            case "/": escaped += "~1"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return Pointer(text: "\(parent.text)/\(escaped)", tokens: parent.tokens + [key])
    }

    /// A place below this one.
    public func appending(_ child: Pointer) -> Pointer {
        Pointer(text: text + child.text, tokens: tokens + child.tokens)
    }

    public var description: String { text }

    private static func unescape(_ part: Substring) -> String? {
        guard part.utf8.contains(UInt8(ascii: "~")) else { return String(part) }
        var token = ""
        var isEscape = false
        for scalar in part.unicodeScalars {
            switch (isEscape, scalar) {
            case (false, "~"): isEscape = true
            case (false, _): token.unicodeScalars.append(scalar)
            case (true, "0"): (isEscape, token) = (false, token + "~")
            case (true, "1"): (isEscape, token) = (false, token + "/")
            case (true, _): return nil
            }
        }
        return isEscape ? nil : token
    }
}
