import Events

/// The last stage, and the only one that deletes, delays or dead-letters: one commit, then the queue.
extension Pipeline {
    static let callBackoff = Backoff(base: .milliseconds(200), cap: .seconds(20))
    static let deleteTries = 5

    // MARK: - the commit

    mutating func commit(_ item: Item, _ verdict: Commitment.Verdict, then sequel: Item.Sequel) {
        item.state = .committing
        item.sequel = sequel
        item.verdict = verdict
        commits.add(item)
    }

    /// A verdict of death on an event that was claimed: committed first, then the letter, then the delete.
    mutating func kill(_ item: Item, _ failure: Failure) {
        noteFailure(item, failure)
        item.lastFailure = failure
        let shelved = isShelved(item) ? letter(for: item, failure) : nil
        commit(item, .dead(failure, shelved: shelved, parks: parks(item)), then: .letter(failure))
    }

    /// A verdict without a claim: never verified, no route, a conflict, too old. It holds no place in its group, unless
    /// the group is parked, whose letters are to stay in order. What ran, and is near its end, holds its place until
    /// the refusal is durable: a crash before that would run it again, behind the next.
    mutating func refuse(_ item: Item, _ failure: Failure, then sequel: Item.Sequel? = nil) {
        noteFailure(item, failure)
        releaseLease(item)
        item.lastFailure = failure
        item.state = .refusing
        item.sequel = sequel ?? .letter(failure)
        refusals.add(item)
        if !failure.code.holdsPlace { leaveGroup(item) }
    }

    mutating func committed(_ ids: [ItemID], _ result: Result<[CommitResult], Failure>, at now: Instant) {
        switch result {
        case .failure(let failure):
            storeErrors += 1
            pause("store", failure)
            commits.failed(
                hand.all(ids),
                until: now + Self.storeBackoff.delay(attempt: storeErrors, random: &random))
        case .success(let results):
            commits.finished()
            storeErrors = 0
            pause("store", nil)
            for place in ids.indices.prefix(results.count) {
                if let item = hand[ids[place]] { committed(item, results[place], at: now) }
            }
        }
    }

    private mutating func committed(_ item: Item, _ result: CommitResult, at now: Instant) {
        let verdict = item.verdict.take()
        switch result {
        case .committed:
            item.lease = nil
            item.tries = 0
            if case .done(let effects)? = verdict, !effects.drafts.isEmpty, settings.deletesWaitForBus, !item.isTimer,
                let event = item.event {
                awaitBus(item, event, then: .done)
            } else {
                follow(item, at: now)
            }
        case .lostClaim:
            item.lease = nil
            let failure = Failure(.settleLostClaim, item.event?.id.text ?? "", "the lease ended while it ran")
            noteFailure(item, failure)
            delay(item, by: .milliseconds(100), then: .claim, failure, at: now)
        case .lostState: lostState(item, at: now)
        case .refused(let failure): kill(item, failure)
        }
    }

    mutating func awaitBus(_ item: Item, _ event: Event, then how: PipelineEvent.SettledAs) {
        item.state = .publishing
        item.sequel = .settle(how)
        actions.append(.awaitSent(item.id, event.id))
    }

    /// What was given up goes where it can be found: the message itself becomes the letter.
    mutating func sent(_ id: ItemID, _ failure: Failure?, at now: Instant) {
        guard let item = hand[id], item.state == .publishing else { return }
        guard let failure else { return follow(item, at: now) }
        noteFailure(item, failure)
        item.lastFailure = failure
        sendLetter(item)
    }

    mutating func refused(_ ids: [ItemID], _ failure: Failure?, at now: Instant) {
        let batch = hand.all(ids)
        if let failure {
            storeErrors += 1
            pause("store", failure)
            refusals.failed(batch, until: now + Self.storeBackoff.delay(attempt: storeErrors, random: &random))
            return
        }
        refusals.finished()
        storeErrors = 0
        pause("store", nil)
        for item in batch { follow(item, at: now) }
    }

    private mutating func follow(_ item: Item, at now: Instant) {
        switch item.sequel {
        case .settle(let how): settled(item, as: how, at: now)
        case .delay(let wait, let failure): delay(item, by: wait, then: .claim, failure, at: now)
        case .letter: sendLetter(item)
        case .ignore: settled(item, as: .ignored, at: now)
        }
    }

    // MARK: - dead letters

    /// Where the store keeps letters it has this one already: it came with the verdict. The next of its group need not
    /// wait for the letter, except where all that follow become letters, too.
    mutating func sendLetter(_ item: Item) {
        guard let failure = item.lastFailure else { return }
        if !parks(item) { leaveGroup(item) }
        if isShelved(item) {
            actions.append(.note(.deadLettered(subject(of: item), failure)))
            leaveGroup(item)
            delete(item)
        } else {
            item.state = .sendingLetter
            let isQuarantine = failure.code.disposition == .quarantine
            actions.append(.sendLetter(item.id, letter(for: item, failure), quarantine: isQuarantine))
        }
    }

    mutating func letterSent(_ id: ItemID, _ failure: Failure?, at now: Instant) {
        guard let item = hand[id] else { return }
        guard let failure else {
            if let reason = item.lastFailure { actions.append(.note(.deadLettered(subject(of: item), reason))) }
            item.tries = 0
            settled(item, as: .deadLetter, at: now)
            return
        }
        actions.append(.note(.settleFailed(subject(of: item), failure)))
        item.tries += 1
        if failure.code == .settleDeadLetterRefused {
            giveBack(item, after: .minutes(15))
        } else if !returnedByDrain(item) {
            park(item, for: Self.callBackoff.delay(attempt: item.tries, random: &random), then: .letter, at: now)
        }
    }

    /// Where no queue is configured; and a timer's, which is in no queue that would bring it again after a crash.
    private func isShelved(_ item: Item) -> Bool { settings.deadLetters == .shelf || item.isTimer }

    /// Its letter takes those of its group behind it along.
    private func parks(_ item: Item) -> Bool {
        settings.poisonousHead == .parkGroup && item.isInGroup && item.event != nil
    }

    private func letter(for item: Item, _ failure: Failure) -> DeadLetter {
        LetterWriter(settings: settings).letter(for: item, failure: failure)
    }

    // MARK: - the queue

    /// Its outcome is durable: the next of its group goes on, and the message may go.
    mutating func settled(_ item: Item, as how: PipelineEvent.SettledAs, at now: Instant) {
        settlements.append(.init(subject(of: item), how, endToEnd: now - item.envelope.sentAt))
        leaveGroup(item)
        delete(item)
    }

    mutating func delete(_ item: Item) {
        if item.isTimer { return forget(item) }
        item.state = .deleting
        visibility.ended(item.id)
        if !item.isExtending { deletions.add(item) }
    }

    mutating func deleted(_ ids: [ItemID], _ receipts: [ReceiptHandle], _ failures: [Failure?], at now: Instant) {
        deletions.finished()
        for (index, id) in ids.enumerated() {
            guard let item = hand[id] else { continue }
            if let failure = failures[index] {
                actions.append(.note(.settleFailed(subject(of: item), failure)))
                item.tries += 1
                if item.tries >= Self.deleteTries || drain != .running {
                    forget(item)
                } else {
                    visibility.started(id, at: now)
                    let wait = Self.callBackoff.delay(attempt: item.tries, random: &random)
                    park(item, for: wait, then: .delete, at: now)
                }
            } else if item.receipt != receipts[index] {
                // An old handle answers success without deleting.
                delete(item)
            } else {
                forget(item)
            }
        }
    }

    /// Waits in memory if that is short; else it is given back. Near its end it is a dead letter.
    mutating func delay(
        _ item: Item, by wait: Duration, then step: Item.Step, _ failure: Failure, at now: Instant
    ) {
        item.lastFailure = failure
        if returnedByDrain(item, after: wait) { return }
        if isNearItsEnd(item, at: now) { return refuse(item, failure) }
        let wait = item.isTimer ? wait : min(wait, end(of: item) - now)
        if item.isTimer || (wait < settings.hold && parked.count < settings.inHand * 3 / 4) {
            park(item, for: wait, then: step, at: now)
        } else {
            giveBack(item, after: wait)
        }
    }

    mutating func park(_ item: Item, for wait: Duration, then step: Item.Step, at now: Instant) {
        item.state = .parked(step)
        parked.schedule(item.id, at: now + wait)
    }

    /// From here on it is not ours: the visibility schedule forgets it before the call.
    mutating func giveBack(_ item: Item, after wait: Duration) {
        guard item.state != .returning else { return }
        if item.state == .ready, let handler = item.handler { workbenches[handler]?.remove(item) }
        releaseLease(item)
        if item.isTimer { return forget(item) }
        item.state = .returning
        parked.cancel(item.id)
        visibility.ended(item.id)
        item.absence = max(.zero, min(wait, Limits.longestDelay))
        if !item.isExtending { returns.add(item) }
    }

    /// The tail of a FIFO group follows its head, in receive order, once the head's own call was answered.
    mutating func returned(_ ids: [ItemID], _ receipts: [ReceiptHandle], _ failures: [Failure?], at now: Instant) {
        returns.finished()
        for (index, id) in ids.enumerated() {
            guard let item = hand[id] else { continue }
            if let failure = failures[index] { actions.append(.note(.settleFailed(subject(of: item), failure))) }
            if item.receipt != receipts[index] {
                // It came again before the answer: it is ours anew.
                item.state = .verifying
                visibility.started(id, at: now)
                verify([item])
                continue
            }
            settlements.append(.init(subject(of: item), .givenBack, endToEnd: now - item.envelope.sentAt))
            if groups.isHead(item) {
                for follower in groups.tail(behind: item) { giveBack(follower, after: .zero) }
            }
            forget(item)
        }
    }

    mutating func settleBatches(at now: Instant) {
        while let batch = commits.take(at: now) {
            var ids = [ItemID](room: batch.count)
            var commitments = [Commitment](room: batch.count)
            for item in batch {
                ids.append(item.id)
                if let commitment = commitment(item, at: now) { commitments.append(commitment) }
            }
            actions.append(.commit(ids, commitments))
        }
        while let batch = refusals.take(at: now) {
            var refusals: [Refusal] = []
            for item in batch { if let refusal = refusal(item, at: now) { refusals.append(refusal) } }
            actions.append(.refuse(batch.map { $0.id }, refusals))
        }
        while let batch = deletions.take(at: now) {
            var ids = [ItemID](room: batch.count)
            var receipts = [ReceiptHandle](room: batch.count)
            for item in batch {
                ids.append(item.id)
                receipts.append(item.receipt)
            }
            actions.append(.delete(ids, receipts))
        }
        while let batch = returns.take(at: now) {
            let changes = batch.map { VisibilityChange(receipt: $0.receipt, timeout: $0.absence) }
            actions.append(.giveBack(batch.map { $0.id }, changes))
        }
    }

    private func commitment(_ item: Item, at now: Instant) -> Commitment? {
        guard let lease = item.lease, let verdict = item.verdict else { return nil }
        var keep = settings.window
        if case .done = verdict {} else { keep += settings.deadLetterRetention }
        return Commitment(
            lease: lease, verdict: verdict, history: item.history, keepUntil: now + keep,
            generation: item.generation, run: runRecord(of: item, at: now))
    }

    private func runRecord(of item: Item, at now: Instant) -> RunRecord {
        var record = RunRecord()
        if !item.isTimer { record.deliveries = item.deliveries }
        if item.answeredAt >= item.ranAt, item.ranAt > .distantPast {
            record.waited = item.ranAt - item.heldSince
            record.took = item.answeredAt - item.ranAt
        }
        if case .delay(let wait, _) = item.sequel { record.retryAt = now + wait }
        return record
    }

    private func refusal(_ item: Item, at now: Instant) -> Refusal? {
        guard let failure = item.lastFailure else { return nil }
        var shelved: DeadLetter?
        if case .letter = item.sequel, isShelved(item) { shelved = letter(for: item, failure) }
        return Refusal(
            consumer: settings.queue, messageID: item.envelope.messageID, failure: failure, shelved: shelved,
            keepUntil: now + settings.window + settings.deadLetterRetention, sentAt: item.envelope.sentAt,
            deliveries: item.deliveries, body: item.envelope.body,
            verified: item.event.map {
                Refusal.Verified(
                    event: $0, handler: item.handler, generation: item.generation, attempts: item.history.attempts)
            })
    }

    mutating func noteFailure(_ item: Item, _ failure: Failure) {
        actions.append(.note(.failed(subject(of: item), failure)))
    }
}

extension FailureCode {
    /// Whether a refusal with it keeps its message's place in the group until it is durable.
    fileprivate var holdsPlace: Bool {
        switch self {
        case .dedupParked, .dedupInFlight: true
        default: stage != .verify && stage != .route && stage != .dedup
        }
    }
}
