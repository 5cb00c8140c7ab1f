import Events

/// The fifth stage: batches to workers, and what each event's outcome means.
extension Pipeline {
    static let waitBackoff = Backoff(base: .seconds(1), cap: .minutes(5))

    /// It has a lease and waits for a worker. `first`: it ran before and goes on at once.
    mutating func ready(_ item: Item, first: Bool = false, at now: Instant) {
        if returnedByDrain(item) { return }
        guard staysInPlace(item), let handler = item.handler else { return }
        let bench = workbenches[handler]
        if let bench, bench.circuit.isOpen, bench.waiting >= share(at: now) {
            // While a probe runs for long, too: each return costs a receive, of which the queue grants so many.
            let pause = Self.waitBackoff.delay(attempt: item.deliveries, random: &random)
            return giveBack(item, after: max(.seconds(1), pause, (bench.circuit.probeAt ?? now) - now))
        }
        item.state = .ready
        bench?.add(item, first: first)
    }

    mutating func runBatches(at now: Instant) {
        guard !isStoreAway else { return }
        for bench in workbenches.inOrder where bench.isServed {
            while let (items, isAlone) = bench.take(at: now) {
                var ids = [ItemID](room: items.count)
                var assignments = [Assignment](room: items.count)
                for item in items {
                    item.state = .running
                    item.ranAt = now
                    ids.append(item.id)
                    if let assignment = assignment(item) { assignments.append(assignment) }
                }
                let work = Batch(
                    handler: bench.handler, assignments: assignments, isAlone: isAlone,
                    generation: settings.generation, isCritical: items.first?.isCritical ?? false,
                    spares: bench.policy.reserved)
                actions.append(.run(ids, work))
            }
        }
    }

    private func assignment(_ item: Item) -> Assignment? {
        guard let event = item.event, let lease = item.lease else { return nil }
        return Assignment(
            event: event, lease: lease, attempt: item.history.attempts + 1, deliveries: item.deliveries,
            group: item.envelope.group, sentAt: item.envelope.sentAt)
    }

    mutating func answered(
        _ handler: HandlerID, _ ids: [ItemID], _ result: Result<[Outcome], Failure>, at now: Instant
    ) {
        let isAlone = ids.count == 1 && hand[ids[0]]?.isAlone ?? false
        let bench = workbenches[handler]
        switch result {
        case .failure(let failure):
            let batch = hand.all(ids)
            if batch.contains(where: { $0.generation != settings.generation }) {
                // Its generation ended before a worker had it: no fault of the handler's.
                bench?.finished(ids.count, isAlone: isAlone)
            } else {
                bench?.failed(ids.count, isAlone: isAlone, at: now, random: &random)
                actions.append(.note(.settleFailed(.init(handler: handler), failure)))
            }
            // From the last to the first, each before the others: so their order stays.
            for item in batch.reversed() { ready(item, first: true, at: now) }
        case .success(let outcomes):
            bench?.finished(ids.count, isAlone: isAlone)
            for place in ids.indices.prefix(outcomes.count) {
                guard let item = hand[ids[place]], item.state == .running else { continue }
                answered(item, outcomes[place], from: bench, at: now)
            }
        }
        workbenches.removeIfIdle(handler)
    }

    /// - Parameter bench: that of its handler.
    private mutating func answered(_ item: Item, _ outcome: Outcome, from bench: Workbench?, at now: Instant) {
        item.answeredAt = now
        var name: String { item.event?.id.text ?? "" }
        note(outcome, of: item, at: now)
        switch outcome {
        case .done(let effects):
            progressed(bench)
            commit(item, .done(effects), then: .settle(.done))
        case .reject(let reason):
            progressed(bench)
            kill(item, Failure(.handleRejected, name, reason.text))
        case .retry(let after, let reason):
            progressed(bench)
            retry(item, Failure(.handleRetried, name, reason.text), class: reason.code, after: after, at: now)
        case .wait(let after, let reason):
            wait(item, Failure(.handleWaiting, name, reason.text), after: after, from: bench, at: now)
        case .unanswered:
            if item.tries >= Limits.strikes { item.isAlone = true }
            item.tries += 1
            ready(item, first: true, at: now)
        case .suspect:
            item.isAlone = true
            ready(item, first: true, at: now)
        case .struck(let failure):
            strike(item, failure, at: now)
        }
    }

    private mutating func note(_ outcome: Outcome, of item: Item, at now: Instant) {
        let isFirst = item.deliveries == 1 && item.history.attempts == 0 && !item.isTimer
        runs.append(
            PipelineEvent.Run(
                subject(of: item), outcome.name, attempt: item.history.attempts + 1,
                waited: isFirst ? item.ranAt - item.envelope.sentAt : nil, took: now - item.ranAt))
    }

    // MARK: - what failed

    /// Counts an attempt; with the last one of its class gone, or the message near its end, it is a dead letter.
    mutating func retry(
        _ item: Item, _ failure: Failure, class name: String, after: Duration?, at now: Instant
    ) {
        var history = item.history
        history.attempts += 1
        let (budget, spent) = policy(of: item).budget(of: name, counting: &history)
        item.history = history
        if isNearItsEnd(item, at: now) {
            kill(item, failure)
        } else if spent < budget.attempts {
            let delay = after ?? budget.backoff.delay(attempt: spent, random: &random)
            tryAgain(item, failure, after: delay, at: now)
        } else {
            let cause = "\(item.history.attempts) attempts, the last: \(failure.cause)"
            exhausted(item, Failure(.handleExhausted, failure.subject, cause), at: now)
        }
    }

    /// The handler may be gone: its last word counts by the standard policy.
    private func policy(of item: Item) -> HandlerPolicy {
        item.handler.flatMap { settings.handlers[$0] } ?? HandlerPolicy()
    }

    /// Its budget is spent. Where a FIFO group stands still for its head it is tried on, until the message is near its
    /// end: in memory, for each give-back is a receive that the queue counts against it.
    private mutating func exhausted(_ item: Item, _ failure: Failure, at now: Instant) {
        guard settings.poisonousHead == .block, item.envelope.group != nil else { return kill(item, failure) }
        let wait = min(policy(of: item).retry.backoff.cap, max(.seconds(1), settings.hold - .seconds(1)))
        tryAgain(item, failure, after: wait, at: now)
    }

    private mutating func tryAgain(_ item: Item, _ failure: Failure, after delay: Duration, at now: Instant) {
        actions.append(.note(.retried(subject(of: item), failure, after: delay, attempt: item.history.attempts)))
        commit(item, .retry(failure), then: .delay(delay, failure))
    }

    /// Not an attempt, and nothing to commit: the lease goes back, and the circuit counts.
    private mutating func wait(
        _ item: Item, _ failure: Failure, after: Duration?, from bench: Workbench?, at now: Instant
    ) {
        waited(bench, failure, at: now)
        releaseLease(item)
        item.waits += 1
        let delay = after ?? Self.waitBackoff.delay(attempt: item.waits, random: &random)
        actions.append(.note(.retried(subject(of: item), failure, after: delay, attempt: item.history.attempts)))
        self.delay(item, by: delay, then: .claim, failure, at: now)
    }

    /// A death while alone. The third is the last; before that it runs again, still alone.
    private mutating func strike(_ item: Item, _ failure: Failure, at now: Instant) {
        item.isAlone = true
        item.history.strikes += 1
        let strikes = item.history.strikes
        if strikes < Limits.strikes { return tryAgain(item, failure, after: .zero, at: now) }
        let last = Failure(.handleCrashed, failure.subject, "\(strikes) times alone, the last: \(failure)")
        if isNearItsEnd(item, at: now) { kill(item, last) } else { exhausted(item, last, at: now) }
    }

    /// Lost a state race: again at once, alone, without an attempt; too often in a row is a retry.
    mutating func lostState(_ item: Item, at now: Instant) {
        item.stateLosses += 1
        if item.stateLosses >= Limits.stateLosses {
            item.stateLosses = 0
            let cause = "a state key that it read had changed, \(Limits.stateLosses) times in a row"
            let failure = Failure(.handleStateConflict, item.event?.id.text ?? "", cause)
            retry(item, failure, class: HandlerPolicy.stateConflict, after: nil, at: now)
        } else {
            item.isAlone = true
            ready(item, first: true, at: now)
        }
    }

    /// The queue, or the handler's own patience, ends before another try makes sense.
    func isNearItsEnd(_ item: Item, at now: Instant) -> Bool { !item.isTimer && now >= end(of: item) }

    func end(of item: Item) -> Instant {
        let end = settings.ageLimit(of: item.envelope.sentAt)
        guard let age = item.handler.flatMap({ settings.handlers[$0]?.age }),
            item.history.firstSeen > .distantPast
        else { return end }
        return min(end, item.history.firstSeen + age)
    }

    mutating func releaseLease(_ item: Item) {
        guard let lease = item.lease else { return }
        item.lease = nil
        actions.append(.release([lease]))
    }

    // MARK: - circuits

    private mutating func waited(_ bench: Workbench?, _ failure: Failure, at now: Instant) {
        guard let bench, case .opened(let until)? = bench.waited(at: now, random: &random) else { return }
        actions.append(.note(.circuitOpened(bench.handler, until: until, failure)))
    }

    private mutating func progressed(_ bench: Workbench?) {
        guard let bench, case .closed? = bench.progressed() else { return }
        actions.append(.note(.circuitClosed(bench.handler)))
    }

    /// How many events of a handler whose circuit is open are held, so that the others of its queue go on.
    private func share(at now: Instant) -> Int { max(1, settings.inHand / max(1, settings.handlers.count)) }
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
