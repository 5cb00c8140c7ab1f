/// A dotted name, or a pattern of one: `*` stands for all of it, or for one segment between dots (`Payment.*.v1`).
///
/// Compared byte by byte: two names that Unicode calls equal are two names here, as they are for a signature.
public struct NamePattern: Hashable, Sendable {
    public let text: String

    public init(_ text: String) { self.text = text }

    public static func == (a: NamePattern, b: NamePattern) -> Bool { a.text.hasSameBytes(as: b.text) }
    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// 0 for any name; else one more with each literal segment; above all patterns where nothing is left open.
    public var exactness: Int {
        if isAny { return 0 }
        let segments = text.utf8.split(separator: Self.dot, omittingEmptySubsequences: false)
        let literal = segments.count { !Self.isAny($0) }
        return literal == segments.count ? Int.max : 1 + literal
    }

    public func matches(_ name: String) -> Bool {
        if isAny { return true }
        let matches = text.utf8.withContiguousStorageIfAvailable { own in
            name.utf8.withContiguousStorageIfAvailable { Self.covers(own[...], $0[...]) }
        }
        if let matches, let matches { return matches }
        var (own, other) = (text, name)
        return own.withUTF8 { own in other.withUTF8 { Self.covers(own[...], $0[...]) } }
    }

    /// True if every name that `other` matches is matched by this one.
    public func covers(_ other: NamePattern) -> Bool { matches(other.text) }

    private static let dot = UInt8(ascii: ".")
    private static func isAny(_ segment: some Collection<UInt8>) -> Bool {
        segment.count == 1 && segment.first == UInt8(ascii: "*")
    }
    private var isAny: Bool { Self.isAny(text.utf8) }

    private typealias Name = Slice<UnsafeBufferPointer<UInt8>>
    private static func covers(_ wide: Name, _ narrow: Name) -> Bool {
        var (wide, narrow) = (wide, narrow)
        while true {
            let (own, its) = (wide.prefix { $0 != dot }, narrow.prefix { $0 != dot })
            guard isAny(own) || own.elementsEqual(its) else { return false }
            (wide, narrow) = (wide[own.endIndex...], narrow[its.endIndex...])
            guard wide.popFirst() != nil else { return narrow.isEmpty }
            guard narrow.popFirst() != nil else { return false }
        }
    }
}
