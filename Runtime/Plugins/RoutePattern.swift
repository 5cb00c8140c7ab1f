import Events

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
        NamePattern(source).covers(NamePattern(other.source))
            && NamePattern(detailType).covers(NamePattern(other.detailType))
    }
}
