/// Why a text is no JSON for us, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Sendable, CaseIterable {
        case empty = "nothing to read"
        case tooLarge = "larger than 64 MiB"
        case byteOrderMark = "byte order mark"
        case badUTF8 = "not UTF-8"
        case badString = "unclosed string or control character in one"
        case badEscape = "unknown escape"
        case loneSurrogate = "surrogate without its partner"
        case badNumber = "malformed number"
        case numberRange = "number that no double can hold"
        case unexpected = "unexpected character"
        case incomplete = "ends too early"
        case tooDeep = "nested too deeply"
        case duplicateKey = "duplicate key"
        /// Canonical form alone: an integer that RFC 8785 would have to change, since doubles do not hold it.
        case notInteroperable = "integer that a double changes"
        /// Canonical form alone: infinity, or not a number.
        case notFinite = "number that is not finite"
        case badPointer = "not a JSON Pointer"
    }

    public let kind: Kind
    /// In bytes from the start of the text; 0 for a value that came from no text.
    public let offset: Int

    public init(_ kind: Kind, at offset: Int = 0) {
        self.kind = kind
        self.offset = offset
    }

    public var description: String { "\(kind.rawValue) at byte \(offset)" }
}
