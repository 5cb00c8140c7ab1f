/// Names that are safe wherever they end up: in keys, resources, log fields.

/// A name: 1 to 128 characters of `A-Z a-z 0-9 . _ @ -`.
public struct Identifier: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let text: String

    public init?(_ text: String) {
        guard (1...128).contains(text.utf8.count), text.utf8.allSatisfy(Identifier.admits) else { return nil }
        self.text = text
    }

    static let rule = "1 to 128 characters of A-Z a-z 0-9 . _ @ -"

    private static func admits(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "@"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }

    public var description: String { text }
    public static func < (a: Identifier, b: Identifier) -> Bool { a.text < b.text }
}
