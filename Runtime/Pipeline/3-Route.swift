import Events

/// The third stage: which handler, by the queue's own table.
extension Pipeline {
    /// The source of the sidecar's own timers; their detail type is the handler's id.
    static let timerSource = "outrigger.timer"

    mutating func route(_ items: [Item]) {
        var routed: [Item] = []
        routed.reserveCapacity(items.count)
        for item in items {
            guard let event = item.event else { continue }
            item.generation = settings.generation
            guard let (handler, route) = destination(of: event, isTimer: item.isTimer) else {
                unroutable(item, event)
                continue
            }
            item.handler = handler
            take(route, for: item)
            switch businessKey(of: event, for: handler, isTimer: item.isTimer) {
            case .success(let key):
                item.businessKey = key
                routed.append(item)
            case .failure(let failure):
                refuse(item, failure)
            }
        }
        claim(routed)
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
        if let routed = lastRouted, routed.event.source.hasSameBytes(as: event.source),
            routed.event.detailType.hasSameBytes(as: event.detailType) {
            return routed.destination
        }
        let destination = generation.routes.destination(source: event.source, detailType: event.detailType)
        lastRouted = (event, destination)
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
