import Events

/// Where an event went. A reference, since it is looked at for each event.
final class Routed: Sendable {
    private let event: Event
    let destination: (HandlerID, Int)?

    init(_ event: Event, _ destination: (HandlerID, Int)?) {
        self.event = event
        self.destination = destination
    }

    /// Whether this event goes the same way.
    func isLike(_ other: Event) -> Bool {
        event.source.hasSameBytes(as: other.source) && event.detailType.hasSameBytes(as: other.detailType)
    }
}

/// The third stage: which handler, by the queue's own table.
extension Pipeline {
    /// The source of the sidecar's own timers; their detail type is the handler's id.
    static let timerSource = "outrigger.timer"

    mutating func route(_ items: [Item]) {
        // Those that end here are few, and mostly none: then nobody makes an array of the others.
        var ended: Set<ItemID> = []
        for item in items where !route(item) { ended.insert(item.id) }
        claim(ended.isEmpty ? items : items.filter { !ended.contains($0.id) })
    }

    /// - Returns: whether it goes on.
    private mutating func route(_ item: Item) -> Bool {
        guard let event = item.event else { return false }
        item.generation = settings.generation
        guard let (handler, route) = destination(of: event, isTimer: item.isTimer) else {
            unroutable(item, event)
            return false
        }
        item.handler = handler
        take(route, for: item)
        switch businessKey(of: event, for: handler, isTimer: item.isTimer) {
        case .success(let key):
            item.businessKey = key
            return true
        case .failure(let failure):
            refuse(item, failure)
            return false
        }
    }

    mutating func take(_ route: Int, for item: Item) {
        item.route = route
        item.isCritical = route >= 0 && generation.routes.routes[route].isCritical
    }

    mutating func destination(of event: Event, isTimer: Bool) -> (HandlerID, Int)? {
        if isTimer {
            let handler = HandlerID(event.detailType)
            return settings.handlers[handler] == nil ? nil : (handler, -1)
        }
        if let last = lastRouted, last.isLike(event) { return last.destination }
        let destination = generation.routes.destination(source: event.source, detailType: event.detailType)
        lastRouted = Routed(event, destination)
        return destination
    }

    /// A timer is a piece of work by its own id: it need not have what the handler's events have.
    func businessKey(of event: Event, for handler: HandlerID, isTimer: Bool) -> Result<Digest?, Failure> {
        isTimer ? .success(nil) : generation.keys.businessKey(of: event, for: handler)
    }

    private mutating func unroutable(_ item: Item, _ event: Event) {
        // A timer stays in the store until its handler is back.
        if item.isTimer { return forget(item) }
        let failure = Failure(.routeNone, event.id.text, "no handler for \(event.source) \(event.detailType)")
        switch settings.unroutable {
        case .deadLetter: refuse(item, failure)
        case .ignore: refuse(item, failure, then: .ignore)
        case .leave:
            noteFailure(item, failure)
            giveBack(item, after: Limits.hold)
        }
    }
}
