import Events

/// The third stage: which handler, by the queue's own table.
extension Pipeline {
    /// The source of the sidecar's own timers; their detail type is the handler's id.
    static let timerSource = "outrigger.timer"

    mutating func route(_ ids: [ItemID], at now: Instant) {
        var routed: [ItemID] = []
        for id in ids {
            guard let item = items[id], let event = item.event else { continue }
            guard let (handler, route) = destination(of: event, isTimer: item.isTimer) else {
                unroutable(id, event, at: now)
                continue
            }
            items[id]?.handler = handler
            items[id]?.route = route
            switch keys.businessKey(of: event, for: handler) {
            case .success(let key):
                items[id]?.businessKey = key
                routed.append(id)
            case .failure(let failure):
                refuse(id, failure)
            }
        }
        claim(routed)
    }

    private func destination(of event: Event, isTimer: Bool) -> (HandlerID, Int)? {
        if isTimer {
            let handler = HandlerID(event.detailType)
            return workbenches[handler] == nil ? nil : (handler, -1)
        }
        return routes.destination(source: event.source, detailType: event.detailType)
    }

    private mutating func unroutable(_ id: ItemID, _ event: Event, at now: Instant) {
        let failure = Failure(.routeNone, event.id.text, "no handler for \(event.source) \(event.detailType)")
        switch settings.unroutable {
        case .deadLetter: refuse(id, failure)
        case .ignore: refuse(id, failure, then: .ignore)
        case .leave:
            noteFailure(id, failure)
            giveBack(id, after: Limits.hold)
        }
    }
}
