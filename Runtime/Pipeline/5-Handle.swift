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
            let pause = Self.waitBackoff.delay(attempt: item.envelope.receiveCount, random: &random)
            return giveBack(item, after: max(.seconds(1), pause, (bench.circuit.probeAt ?? now) - now))
        }
        item.state = .ready
        bench?.add(item, first: first)
    }

    mutating func runBatches(at now: Instant) {
        guard !isStoreAway else { return }
        for bench in workbenches.inOrder where bench.isServed {
            while let (items, isAlone) = bench.take(at: now) {
                var assignments: [Assignment] = []
                assignments.reserveCapacity(items.count)
                for item in items {
                    item.state = .running
                    item.ranAt = now
                    if let assignment = assignment(item) { assignments.append(assignment) }
                }
                let work = Batch(
                    handler: bench.handler, assignments: assignments, isAlone: isAlone,
                    generation: settings.generation, isCritical: items.first?.isCritical ?? false,
                    spares: bench.policy.reserved)
                actions.append(.run(items.map { $0.id }, work))
            }
        }
    }

    private func assignment(_ item: Item) -> Assignment? {
        guard let event = item.event, let lease = item.lease else { return nil }
        return Assignment(
            event: event, lease: lease, attempt: item.history.attempts + 1, deliveries: item.envelope.receiveCount,
            group: item.envelope.group, sentAt: item.envelope.sentAt)
    }

    mutating func answered(
        _ handler: HandlerID, _ ids: [ItemID], _ result: Result<[Outcome], Failure>, at now: Instant
    ) {
        let isAlone = ids.count == 1 && hand[ids[0]]?.isAlone ?? false
        switch result {
        case .failure(let failure):
            let batch = hand.all(ids)
            if batch.contains(where: { $0.generation != settings.generation }) {
                // Its generation ended before a worker had it: no fault of the handler's.
                workbenches[handler]?.finished(ids.count, isAlone: isAlone)
            } else {
                workbenches[handler]?.failed(ids.count, isAlone: isAlone, at: now, random: &random)
                actions.append(.note(.settleFailed(.init(handler: handler), failure)))
            }
            // From the last to the first, each before the others: so their order stays.
            for item in batch.reversed() { ready(item, first: true, at: now) }
        case .success(let outcomes):
            workbenches[handler]?.finished(ids.count, isAlone: isAlone)
            for (id, outcome) in zip(ids, outcomes) {
                if let item = hand[id], item.state == .running { answered(item, outcome, at: now) }
            }
        }
        workbenches.removeIfIdle(handler)
    }

    private mutating func answered(_ item: Item, _ outcome: Outcome, at now: Instant) {
        item.answeredAt = now
        var name: String { item.event?.id.text ?? "" }
        note(outcome, of: item, at: now)
        switch outcome {
        case .done(let effects):
            progressed(item)
            commit(item, .done(effects), then: .settle(.done))
        case .reject(let reason):
            progressed(item)
            kill(item, Failure(.handleRejected, name, reason.text))
        case .retry(let after, let reason):
            progressed(item)
            retry(item, Failure(.handleRetried, name, reason.text), class: reason.code, after: after, at: now)
        case .wait(let after, let reason):
            wait(item, Failure(.handleWaiting, name, reason.text), after: after, at: now)
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
        let isFirst = item.envelope.receiveCount == 1 && item.history.attempts == 0 && !item.isTimer
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
        item.history.attempts += 1
        let (budget, spent) = policy(of: item).budget(of: name, counting: &item.history)
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
    private mutating func wait(_ item: Item, _ failure: Failure, after: Duration?, at now: Instant) {
        waited(item, failure, at: now)
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

    private mutating func waited(_ item: Item, _ failure: Failure, at now: Instant) {
        guard let handler = item.handler,
            case .opened(let until)? = workbenches[handler]?.circuit.waited(at: now, random: &random)
        else { return }
        actions.append(.note(.circuitOpened(handler, until: until, failure)))
    }

    private mutating func progressed(_ item: Item) {
        guard let handler = item.handler, case .closed? = workbenches[handler]?.circuit.progressed() else { return }
        actions.append(.note(.circuitClosed(handler)))
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
