/// A source and a detail type, each exact, or with `*` for the whole or, in routes, for a segment between dots.
public struct RoutePattern: Sendable, Hashable, CustomStringConvertible {
    public let source: String
    public let detailType: String
    public init(source: String, detailType: String) {
        self.source = source
        self.detailType = detailType
    }

    public var description: String { "\(source) \(detailType)" }

    /// True if everything that `other` takes is taken by this one.
    func covers(_ other: RoutePattern) -> Bool {
        Self.covers(source, other.source) && Self.covers(detailType, other.detailType)
    }

    private static func covers(_ wide: String, _ narrow: String) -> Bool {
        if wide == "*" { return true }
        if narrow == "*" { return false }
        let parts = wide.split(separator: ".", omittingEmptySubsequences: false)
        let others = narrow.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == others.count && zip(parts, others).allSatisfy { $0 == "*" || $0 == $1 }
    }
}
