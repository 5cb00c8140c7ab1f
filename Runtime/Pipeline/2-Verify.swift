import Events

/// The second stage: an envelope becomes an event, or never goes further.
extension Pipeline {
    static let keysPatience = Duration.seconds(5)
    static let unknownKeyBackoff = Backoff(base: .seconds(15), cap: .minutes(1))

    mutating func verify(_ ids: [ItemID]) {
        let live = ids.filter { !returnedByDrain($0) }
        guard !live.isEmpty else { return }
        for id in live { items[id]?.state = .verifying }
        actions.append(.verify(live, live.compactMap { items[$0]?.envelope }))
    }

    mutating func verified(_ ids: [ItemID], _ results: [Result<Event, Failure>], at now: Instant) {
        var events: [ItemID] = []
        var keysUnavailable: Failure?
        for (id, result) in zip(ids, results) where items[id] != nil {
            switch result {
            case .success(let event):
                items[id]?.event = event
                if let item = items[id] { actions.append(.note(.verified(subject(of: item), keyID: event.keyID))) }
                groups.enter(id, items[id]?.envelope.group)
                events.append(id)
            case .failure(let failure):
                items[id]?.lastFailure = failure
                if failure.code == .verifyKeysUnavailable { keysUnavailable = failure }
                refuseUnverified(id, failure, at: now)
            }
        }
        if keysUnavailable != nil || !events.isEmpty { pause("keys", keysUnavailable) }
        route(events)
    }

    /// Fail closed, with two exceptions: a key may still be on its way, and no key set is no verdict on a message.
    private mutating func refuseUnverified(_ id: ItemID, _ failure: Failure, at now: Instant) {
        guard let item = items[id] else { return }
        switch failure.code {
        case .verifyKeysUnavailable:
            delay(id, by: Self.keysPatience, then: .verify, failure, at: now)
        case .verifyUnknownKey where now - item.envelope.firstReceivedAt < Limits.unknownKeyPatience:
            leaveGroup(id, item.envelope.group)
            items[id]?.tries += 1
            let wait = Self.unknownKeyBackoff.delay(attempt: item.tries + 1, random: &random)
            delay(id, by: wait + .seconds(1), then: .verify, failure, at: now)
        default:
            refuse(id, failure)
        }
    }
}
