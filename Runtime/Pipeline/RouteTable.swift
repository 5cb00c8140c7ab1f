public import Events

/// Which handler takes which `(source, detail-type)` of one queue.
///
/// A part is exact, or has `*` for a whole part or a whole segment between dots (`Payment.*.v1`). The more exact
/// route wins, source before detail type. Built once per generation; a conflict is found then, not by an event.
public struct RouteTable: Sendable {
    public struct Route: Sendable, Hashable {
        public let source: String
        public let detailType: String
        public let handler: HandlerID
        public init(source: String, detailType: String, handler: HandlerID) {
            self.source = source
            self.detailType = detailType
            self.handler = handler
        }
    }

    private struct Key: Hashable {
        let source: String
        let detailType: String
    }
    private struct Pattern: Sendable {
        let segments: [Substring]
        let isWhole: Bool

        init(_ text: String) {
            isWhole = text == "*"
            segments = text.split(separator: ".", omittingEmptySubsequences: false)
        }
        /// 0 for any; else 1 for each literal segment more, above all patterns if there is no `*` at all.
        var exactness: Int {
            if isWhole { return 0 }
            let literal = segments.count { $0 != "*" }
            return literal == segments.count ? Int.max : 1 + literal
        }
        func matches(_ text: String) -> Bool {
            if isWhole { return true }
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            return parts.count == segments.count && zip(segments, parts).allSatisfy { $0 == "*" || $0 == $1 }
        }
    }

    private let exact: [Key: Int]
    private let patterns: [(source: Pattern, detailType: Pattern, index: Int)]
    public let routes: [Route]

    /// - Throws: `route.conflict` if two handlers claim one route.
    public init(_ routes: [Route]) throws(Failure) {
        var places: [Key: Int] = [:]
        for (index, route) in routes.enumerated() {
            let key = Key(source: route.source, detailType: route.detailType)
            if let place = places[key], routes[place].handler != route.handler {
                throw Failure(
                    .routeConflict, "\(route.source) \(route.detailType)",
                    "claimed by \(routes[place].handler) and \(route.handler)")
            }
            places[key] = places[key] ?? index
        }
        self.routes = routes
        exact = places.filter { !$0.key.source.contains("*") && !$0.key.detailType.contains("*") }
        patterns = places.filter { $0.key.source.contains("*") || $0.key.detailType.contains("*") }
            .map { (Pattern($0.key.source), Pattern($0.key.detailType), $0.value) }
            .sorted { a, b in
                (a.source.exactness, a.detailType.exactness, b.index)
                    > (b.source.exactness, b.detailType.exactness, a.index)
            }
    }

    /// The handler, and the index of its route in ``routes``.
    public func destination(source: String, detailType: String) -> (HandlerID, Int)? {
        if let index = exact[Key(source: source, detailType: detailType)] { return (routes[index].handler, index) }
        let match = patterns.first { $0.source.matches(source) && $0.detailType.matches(detailType) }
        return match.map { (routes[$0.index].handler, $0.index) }
    }
}
