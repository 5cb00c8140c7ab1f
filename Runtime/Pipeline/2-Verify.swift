import Events

/// The second stage: an envelope becomes an event, or never goes further.
extension Pipeline {
    static let keysPatience = Duration.seconds(5)
    static let unknownKeyBackoff = Backoff(base: .seconds(15), cap: .minutes(1))

    mutating func verify(_ items: [Item]) {
        let live = drain == .running ? items : items.filter { !returnedByDrain($0) }
        guard !live.isEmpty else { return }
        for item in live { item.state = .verifying }
        actions.append(.verify(live.map { $0.id }, live.map { $0.envelope }))
    }

    mutating func verified(_ ids: [ItemID], _ results: [Result<Event, Failure>], at now: Instant) {
        var verified: [Item] = []
        verified.reserveCapacity(ids.count)
        var keysUnavailable: Failure?
        for (id, result) in zip(ids, results) {
            guard let item = hand[id] else { continue }
            switch result {
            case .success(let event):
                item.event = event
                groups.enter(item)
                verified.append(item)
            case .failure(let failure):
                item.lastFailure = failure
                if failure.code == .verifyKeysUnavailable { keysUnavailable = failure }
                refuseUnverified(item, failure, at: now)
            }
        }
        if !verified.isEmpty { actions.append(.note(.verified(verified.map { subject(of: $0) }))) }
        // Whatever else was found, it was found with keys.
        pause("keys", keysUnavailable)
        route(verified)
    }

    /// Fail closed, with two exceptions: a key may still be on its way, and no key set is no verdict on a message.
    private mutating func refuseUnverified(_ item: Item, _ failure: Failure, at now: Instant) {
        switch failure.code {
        case .verifyKeysUnavailable:
            delay(item, by: Self.keysPatience, then: .verify, failure, at: now)
        case .verifyUnknownKey where now - item.envelope.firstReceivedAt < Limits.unknownKeyPatience:
            leaveGroup(item)
            item.tries += 1
            let wait = Self.unknownKeyBackoff.delay(attempt: item.tries, random: &random)
            delay(item, by: wait + .seconds(1), then: .verify, failure, at: now)
        default:
            refuse(item, failure)
        }
    }
}
