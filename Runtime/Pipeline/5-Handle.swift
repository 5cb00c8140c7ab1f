import Events

/// The fifth stage: batches to workers, and what each event's outcome means.
extension Pipeline {
    static let waitBackoff = Backoff(base: .seconds(1), cap: .minutes(5))

    /// It has a lease and waits for a worker. `first`: it ran before and goes on at once.
    mutating func ready(_ id: ItemID, first: Bool = false) {
        if returnedByDrain(id) { return }
        guard staysInPlace(id), var item = items[id], let handler = item.handler else { return }
        item.state = .ready
        items[id]?.state = .ready
        workbenches[handler]?.add(item, first: first)
    }

    mutating func runBatches(at now: Instant) {
        for handler in settings.handlers.keys.sorted() {
            while let batch = workbenches[handler]?.take(at: now) {
                let assignments = batch.ids.compactMap { assignment($0) }
                for id in batch.ids {
                    items[id]?.state = .running
                    items[id]?.ranAt = now
                }
                let work = Batch(
                    handler: handler, assignments: assignments, isAlone: batch.isAlone, generation: settings.generation)
                actions.append(.run(batch.ids, work))
            }
        }
    }

    private func assignment(_ id: ItemID) -> Assignment? {
        guard let item = items[id], let event = item.event, let lease = item.lease else { return nil }
        return Assignment(
            event: event, lease: lease, attempt: item.history.attempts + 1, deliveries: item.envelope.receiveCount,
            group: item.envelope.group, sentAt: item.envelope.sentAt)
    }

    mutating func answered(
        _ handler: HandlerID, _ ids: [ItemID], _ result: Result<[Outcome], Failure>, at now: Instant
    ) {
        let isAlone = ids.count == 1 && ids.first.flatMap { items[$0]?.isAlone } ?? false
        switch result {
        case .failure(let failure):
            let hasEnded = ids.contains { items[$0].map { $0.generation != settings.generation } ?? false }
            if hasEnded {
                // Its generation ended before a worker had it: no fault of the handler's.
                workbenches[handler]?.finished(isAlone: isAlone)
            } else {
                workbenches[handler]?.failed(isAlone: isAlone, at: now, random: &random)
                actions.append(.note(.settleFailed(.init(queue: settings.queue, handler: handler), failure)))
            }
            for id in ids { ready(id, first: true) }
        case .success(let outcomes):
            workbenches[handler]?.finished(isAlone: isAlone)
            for (id, outcome) in zip(ids, outcomes) where items[id]?.state == .running {
                answered(id, outcome, at: now)
            }
        }
        if settings.handlers[handler] == nil, workbenches[handler]?.isIdle == true { workbenches[handler] = nil }
    }

    private mutating func answered(_ id: ItemID, _ outcome: Outcome, at now: Instant) {
        guard let item = items[id] else { return }
        items[id]?.answeredAt = now
        let name = item.event?.id.text ?? ""
        note(outcome, of: item, at: now)
        if case .wait = outcome {} else { admission.progressed() }
        switch outcome {
        case .done(let effects):
            commit(id, .done(effects), then: .settle(.done))
        case .reject(let reason):
            kill(id, Failure(.handleRejected, name, reason.text))
        case .retry(let after, let reason):
            retry(id, Failure(.handleRetried, name, reason.text), after: after, at: now)
        case .wait(let after, let reason):
            wait(id, Failure(.handleWaiting, name, reason.text), after: after, at: now)
        case .unanswered:
            items[id]?.tries += 1
            if item.tries >= Limits.strikes { items[id]?.isAlone = true }
            ready(id, first: true)
        case .suspect:
            items[id]?.isAlone = true
            ready(id, first: true)
        case .struck(let failure):
            strike(id, failure)
        }
    }

    private mutating func note(_ outcome: Outcome, of item: Item, at now: Instant) {
        let isFirst = item.envelope.receiveCount == 1 && item.history.attempts == 0 && !item.isTimer
        actions.append(
            .note(
                .handled(
                    subject(of: item), outcome: outcome.name, attempt: item.history.attempts + 1,
                    waited: isFirst ? item.ranAt - item.envelope.sentAt : nil, took: now - item.ranAt)))
    }

    /// Counts an attempt; with the last one gone, or the message near its end, it is a dead letter.
    mutating func retry(_ id: ItemID, _ failure: Failure, after: Duration?, at now: Instant) {
        guard let item = items[id] else { return }
        // The handler may be gone: its last word counts by the standard policy.
        let policy = item.handler.flatMap { settings.handlers[$0] } ?? HandlerPolicy()
        items[id]?.history.attempts += 1
        let attempts = item.history.attempts + 1
        if attempts >= policy.attempts {
            kill(id, Failure(.handleExhausted, failure.subject, "\(attempts) attempts, the last: \(failure.cause)"))
        } else if isNearItsEnd(item, at: now) {
            kill(id, failure)
        } else {
            let delay = after ?? policy.backoff.delay(attempt: attempts, random: &random)
            actions.append(.note(.retried(subject(of: item), failure, after: delay, attempt: attempts)))
            commit(id, .retry(failure), then: .delay(delay, failure))
        }
    }

    /// Not an attempt, and nothing to commit: the lease goes back, and the circuit counts.
    private mutating func wait(_ id: ItemID, _ failure: Failure, after: Duration?, at now: Instant) {
        guard let item = items[id] else { return }
        admission.waited(at: now, random: &random)
        releaseLease(id)
        items[id]?.waits += 1
        let delay = after ?? Self.waitBackoff.delay(attempt: item.waits + 1, random: &random)
        actions.append(.note(.retried(subject(of: item), failure, after: delay, attempt: item.history.attempts)))
        self.delay(id, by: delay, then: .claim, failure, at: now)
    }

    /// A death while alone. The third is the last; before that it runs again, still alone.
    private mutating func strike(_ id: ItemID, _ failure: Failure) {
        guard let item = items[id] else { return }
        items[id]?.isAlone = true
        items[id]?.history.strikes += 1
        let strikes = item.history.strikes + 1
        if strikes >= Limits.strikes {
            kill(id, Failure(.handleCrashed, failure.subject, "\(strikes) times alone, the last: \(failure)"))
        } else {
            actions.append(.note(.retried(subject(of: item), failure, after: .zero, attempt: item.history.attempts)))
            commit(id, .retry(failure), then: .delay(.zero, failure))
        }
    }

    /// Lost a state race: again at once, alone, without an attempt; too often in a row is a retry.
    mutating func lostState(_ id: ItemID, at now: Instant) {
        items[id]?.stateLosses += 1
        guard let item = items[id] else { return }
        if item.stateLosses >= Limits.stateLosses {
            items[id]?.stateLosses = 0
            let cause = "a state key that it read had changed, \(Limits.stateLosses) times in a row"
            retry(id, Failure(.handleStateConflict, item.event?.id.text ?? "", cause), after: nil, at: now)
        } else {
            items[id]?.isAlone = true
            ready(id, first: true)
        }
    }

    func isNearItsEnd(_ item: Item, at now: Instant) -> Bool {
        !item.isTimer && now >= settings.ageLimit(of: item.envelope.sentAt)
    }

    mutating func releaseLease(_ id: ItemID) {
        guard let lease = items[id]?.lease else { return }
        items[id]?.lease = nil
        actions.append(.release([lease]))
    }
}

extension Reason {
    /// Code and detail in one line, for the cause of a failure.
    var text: String { detail.isEmpty ? code : "\(code): \(detail)" }
}

extension Outcome {
    var name: PipelineEvent.HandledOutcome {
        switch self {
        case .done: .done
        case .retry: .retry
        case .reject: .reject
        case .wait: .wait
        case .unanswered: .unanswered
        case .suspect: .suspect
        case .struck: .struck
        }
    }
}
