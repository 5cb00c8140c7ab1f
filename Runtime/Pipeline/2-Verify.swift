import Events

/// The second stage: an envelope becomes an event, or never goes further.
extension Pipeline {
    static let keysPatience = Duration.seconds(5)
    static let unknownKeyBackoff = Backoff(base: .seconds(15), cap: .minutes(1))

    mutating func verify(_ items: [Item]) {
        let live = drain == .running ? items : items.filter { !returnedByDrain($0) }
        guard !live.isEmpty else { return }
        var ids = [ItemID](room: live.count)
        var envelopes = [Envelope](room: live.count)
        for item in live {
            item.state = .verifying
            ids.append(item.id)
            envelopes.append(item.envelope)
        }
        actions.append(.verify(ids, envelopes))
    }

    mutating func verified(_ ids: [ItemID], _ results: [Result<Event, Failure>], at now: Instant) {
        var verified = [Item](room: ids.count)
        var subjects = [PipelineEvent.Subject](room: ids.count)
        var keysUnavailable: Failure?
        for place in ids.indices.prefix(results.count) {
            guard let item = hand[ids[place]] else { continue }
            do throws(Failure) {
                item.event = try results[place].get()
                groups.enter(item)
                subjects.append(subject(of: item))
                verified.append(item)
            } catch {
                item.lastFailure = error
                if error.code == .verifyKeysUnavailable { keysUnavailable = error }
                refuseUnverified(item, error, at: now)
            }
        }
        if !subjects.isEmpty { actions.append(.note(.verified(subjects))) }
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
