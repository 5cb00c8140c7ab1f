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
        /// Its events overtake those of other routes, and keep workers of their handler for themselves.
        public let isCritical: Bool
        public init(source: String, detailType: String, handler: HandlerID, isCritical: Bool = false) {
            self.source = source
            self.detailType = detailType
            self.handler = handler
            self.isCritical = isCritical
        }
    }

    private struct Key: Hashable {
        let source: NamePattern
        let detailType: NamePattern
        init(_ source: String, _ detailType: String) {
            self.source = NamePattern(source)
            self.detailType = NamePattern(detailType)
        }
    }

    private let exact: [Key: Int]
    private let patterns: [(key: Key, index: Int)]
    public let routes: [Route]

    /// Routes nothing.
    public static let none = RouteTable()
    private init() {
        routes = []
        exact = [:]
        patterns = []
    }

    /// - Throws: `route.conflict` if two handlers claim one route.
    public init(_ routes: [Route]) throws(Failure) {
        var places: [Key: Int] = [:]
        for (index, route) in routes.enumerated() {
            let key = Key(route.source, route.detailType)
            if let place = places[key], routes[place].handler != route.handler {
                throw Failure(
                    .routeConflict, "\(route.source) \(route.detailType)",
                    "claimed by \(routes[place].handler) and \(route.handler)")
            }
            places[key] = places[key] ?? index
        }
        self.routes = routes
        let isExact = { (key: Key) in key.source.exactness == .max && key.detailType.exactness == .max }
        exact = places.filter { isExact($0.key) }
        patterns = places.filter { !isExact($0.key) }.map { ($0.key, $0.value) }.sorted { a, b in
            (a.key.source.exactness, a.key.detailType.exactness, b.index)
                > (b.key.source.exactness, b.key.detailType.exactness, a.index)
        }
    }

    /// The handler, and the index of its route in ``routes``.
    public func destination(source: String, detailType: String) -> (HandlerID, Int)? {
        if let index = exact[Key(source, detailType)] { return (routes[index].handler, index) }
        let match = patterns.first { $0.key.source.matches(source) && $0.key.detailType.matches(detailType) }
        return match.map { (routes[$0.index].handler, $0.index) }
    }
}
