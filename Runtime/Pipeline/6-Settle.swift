import Events

/// The last stage, and the only one that deletes, delays or dead-letters: one commit, then the queue.
extension Pipeline {
    static let callBackoff = Backoff(base: .milliseconds(200), cap: .seconds(20))
    static let deleteTries = 5

    // MARK: - the commit

    mutating func commit(_ id: ItemID, _ verdict: Commitment.Verdict, then sequel: Item.Sequel) {
        items[id]?.state = .committing
        items[id]?.sequel = sequel
        verdicts[id] = verdict
        commits.add(id)
    }

    /// A verdict of death on an event that was claimed: committed first, then the letter, then the delete.
    mutating func kill(_ id: ItemID, _ failure: Failure) {
        guard let item = items[id] else { return }
        noteFailure(id, failure)
        items[id]?.lastFailure = failure
        let shelved = isShelved(item) ? letter(for: item, failure) : nil
        commit(id, .dead(failure, shelved: shelved), then: .letter(failure))
    }

    /// A verdict without a claim: never verified, no route, a conflict, too old. It holds no place in its group.
    mutating func refuse(_ id: ItemID, _ failure: Failure, then sequel: Item.Sequel? = nil) {
        guard let item = items[id] else { return }
        noteFailure(id, failure)
        releaseLease(id)
        items[id]?.lastFailure = failure
        items[id]?.state = .refusing
        items[id]?.sequel = sequel ?? .letter(failure)
        refusals.add(id)
        leaveGroup(id, item.envelope.group)
    }

    mutating func committed(_ ids: [ItemID], _ result: Result<[CommitResult], Failure>, at now: Instant) {
        switch result {
        case .failure(let failure):
            storeErrors += 1
            pause("store", failure)
            commits.failed(ids, until: now + Self.storeBackoff.delay(attempt: storeErrors, random: &random))
        case .success(let results):
            commits.finished()
            storeErrors = 0
            pause("store", nil)
            for (id, result) in zip(ids, results) { committed(id, result, at: now) }
        }
    }

    private mutating func committed(_ id: ItemID, _ result: CommitResult, at now: Instant) {
        guard let item = items[id] else { return }
        let verdict = verdicts.removeValue(forKey: id)
        switch result {
        case .committed:
            items[id]?.lease = nil
            items[id]?.tries = 0
            if case .done(let effects)? = verdict, !effects.drafts.isEmpty, settings.deletesWaitForBus, !item.isTimer,
                let event = item.event {
                awaitBus(id, event, then: .done)
            } else {
                follow(item, at: now)
            }
        case .lostClaim:
            items[id]?.lease = nil
            let failure = Failure(.settleLostClaim, item.event?.id.text ?? "", "the lease ended while it ran")
            noteFailure(id, failure)
            delay(id, by: .milliseconds(100), then: .claim, failure, at: now)
        case .lostState: lostState(id, at: now)
        case .refused(let failure): kill(id, failure)
        }
    }

    mutating func awaitBus(_ id: ItemID, _ event: Event, then how: PipelineEvent.SettledAs) {
        items[id]?.state = .publishing
        items[id]?.sequel = .settle(how)
        actions.append(.awaitSent(id, event.id))
    }

    /// What was given up goes where it can be found: the message itself becomes the letter.
    mutating func sent(_ id: ItemID, _ failure: Failure?, at now: Instant) {
        guard let item = items[id], item.state == .publishing else { return }
        guard let failure else { return follow(item, at: now) }
        noteFailure(id, failure)
        items[id]?.lastFailure = failure
        sendLetter(id)
    }

    mutating func refused(_ ids: [ItemID], _ failure: Failure?, at now: Instant) {
        if let failure {
            storeErrors += 1
            pause("store", failure)
            refusals.failed(ids, until: now + Self.storeBackoff.delay(attempt: storeErrors, random: &random))
            return
        }
        refusals.finished()
        storeErrors = 0
        pause("store", nil)
        for id in ids { if let item = items[id] { follow(item, at: now) } }
    }

    private mutating func follow(_ item: Item, at now: Instant) {
        switch item.sequel {
        case .settle(let how): settled(item.id, as: how, at: now)
        case .delay(let wait, let failure): delay(item.id, by: wait, then: .claim, failure, at: now)
        case .letter: sendLetter(item.id)
        case .ignore: settled(item.id, as: .ignored, at: now)
        }
    }

    // MARK: - dead letters

    /// Where the store keeps letters it has this one already: it came with the verdict.
    mutating func sendLetter(_ id: ItemID) {
        guard let item = items[id], let failure = item.lastFailure else { return }
        leaveGroup(id, item.envelope.group)
        if isShelved(item) {
            actions.append(.note(.deadLettered(subject(of: item), failure)))
            delete(id)
        } else {
            items[id]?.state = .sendingLetter
            let isQuarantine = failure.code.disposition == .quarantine
            actions.append(.sendLetter(id, letter(for: item, failure), quarantine: isQuarantine))
        }
    }

    mutating func letterSent(_ id: ItemID, _ failure: Failure?, at now: Instant) {
        guard let item = items[id] else { return }
        guard let failure else {
            if let reason = item.lastFailure { actions.append(.note(.deadLettered(subject(of: item), reason))) }
            items[id]?.tries = 0
            settled(id, as: .deadLetter, at: now)
            return
        }
        actions.append(.note(.settleFailed(subject(of: item), failure)))
        items[id]?.tries += 1
        if failure.code == .settleDeadLetterRefused {
            giveBack(id, after: .minutes(15))
        } else if !returnedByDrain(id) {
            park(id, for: Self.callBackoff.delay(attempt: item.tries + 1, random: &random), then: .letter, at: now)
        }
    }

    /// Where no queue is configured; and a timer's, which is in no queue that would bring it again after a crash.
    private func isShelved(_ item: Item) -> Bool { settings.deadLetters == .shelf || item.isTimer }

    private func letter(for item: Item, _ failure: Failure) -> DeadLetter {
        LetterWriter(settings: settings).letter(for: item, failure: failure)
    }

    // MARK: - the queue

    /// Its outcome is durable: the next of its group goes on, and the message may go.
    mutating func settled(_ id: ItemID, as how: PipelineEvent.SettledAs, at now: Instant) {
        guard let item = items[id] else { return }
        actions.append(.note(.settled(subject(of: item), how, endToEnd: now - item.envelope.sentAt)))
        leaveGroup(id, item.envelope.group)
        delete(id)
    }

    mutating func delete(_ id: ItemID) {
        guard let item = items[id] else { return }
        if item.isTimer { return forget(id) }
        items[id]?.state = .deleting
        visibility.ended(id)
        if !item.isExtending { deletions.add(id) }
    }

    mutating func deleted(_ ids: [ItemID], _ receipts: [ReceiptHandle], _ failures: [Failure?], at now: Instant) {
        deletions.finished()
        for (index, id) in ids.enumerated() {
            guard let item = items[id] else { continue }
            if let failure = failures[index] {
                actions.append(.note(.settleFailed(subject(of: item), failure)))
                items[id]?.tries += 1
                if item.tries + 1 >= Self.deleteTries || drain != .running {
                    forget(id)
                } else {
                    visibility.started(id, at: now)
                    let wait = Self.callBackoff.delay(attempt: item.tries + 1, random: &random)
                    park(id, for: wait, then: .delete, at: now)
                }
            } else if item.envelope.receipt != receipts[index] {
                // An old handle answers success without deleting.
                delete(id)
            } else {
                forget(id)
            }
        }
    }

    /// Waits in memory if that is short; else it is given back. Near the queue's own end it is a dead letter.
    mutating func delay(
        _ id: ItemID, by wait: Duration, then step: Item.Step, _ failure: Failure, at now: Instant
    ) {
        guard let item = items[id] else { return }
        items[id]?.lastFailure = failure
        if returnedByDrain(id, after: wait) { return }
        if isNearItsEnd(item, at: now) { return refuse(id, failure) }
        let left = settings.ageLimit(of: item.envelope.sentAt) - now
        let wait = item.isTimer ? wait : min(wait, left)
        if item.isTimer || (wait < settings.hold && parked.count < settings.inHand * 3 / 4) {
            park(id, for: wait, then: step, at: now)
        } else {
            giveBack(id, after: wait)
        }
    }

    mutating func park(_ id: ItemID, for wait: Duration, then step: Item.Step, at now: Instant) {
        items[id]?.state = .parked(step)
        parked.schedule(id, at: now + wait)
    }

    /// From here on it is not ours: the visibility schedule forgets it before the call.
    mutating func giveBack(_ id: ItemID, after wait: Duration) {
        guard let item = items[id], item.state != .returning else { return }
        releaseLease(id)
        if item.isTimer { return forget(id) }
        items[id]?.state = .returning
        parked.cancel(id)
        visibility.ended(id)
        delays[id] = max(.zero, min(wait, Limits.longestDelay))
        if !item.isExtending { returns.add(id) }
    }

    /// The tail of a FIFO group follows its head, in receive order, once the head's own call was answered.
    mutating func returned(_ ids: [ItemID], _ receipts: [ReceiptHandle], _ failures: [Failure?], at now: Instant) {
        returns.finished()
        for (index, id) in ids.enumerated() {
            guard let item = items[id] else { continue }
            if let failure = failures[index] { actions.append(.note(.settleFailed(subject(of: item), failure))) }
            if item.envelope.receipt != receipts[index] {
                // It came again before the answer: it is ours anew.
                visibility.started(id, at: now)
                verify([id])
                continue
            }
            actions.append(.note(.settled(subject(of: item), .givenBack, endToEnd: now - item.envelope.sentAt)))
            if groups.isHead(id, of: item.envelope.group) {
                for follower in groups.tail(of: item.envelope.group) { giveBack(follower, after: .zero) }
            }
            forget(id)
        }
    }

    mutating func settleBatches(at now: Instant) {
        while let ids = commits.take(at: now) {
            actions.append(.commit(ids, ids.compactMap { commitment($0, at: now) }))
        }
        while let ids = refusals.take(at: now) {
            actions.append(.refuse(ids, ids.compactMap { refusal($0, at: now) }))
        }
        while let ids = deletions.take(at: now) {
            actions.append(.delete(ids, ids.compactMap { items[$0]?.envelope.receipt }))
        }
        while let ids = returns.take(at: now) {
            let changes = ids.compactMap { id in
                items[id].map { VisibilityChange(receipt: $0.envelope.receipt, timeout: delays[id] ?? .zero) }
            }
            actions.append(.giveBack(ids, changes))
        }
    }

    private func commitment(_ id: ItemID, at now: Instant) -> Commitment? {
        guard let item = items[id], let lease = item.lease, let verdict = verdicts[id] else { return nil }
        var keep = settings.window
        if case .done = verdict {} else { keep += settings.deadLetterRetention }
        return Commitment(
            lease: lease, verdict: verdict, history: item.history, keepUntil: now + keep,
            generation: item.generation, run: runRecord(of: item, at: now))
    }

    private func runRecord(of item: Item, at now: Instant) -> RunRecord {
        var record = RunRecord()
        if !item.isTimer { record.deliveries = item.envelope.receiveCount }
        if item.answeredAt >= item.ranAt, item.ranAt > .distantPast {
            record.waited = item.ranAt - item.heldSince
            record.took = item.answeredAt - item.ranAt
        }
        if case .delay(let wait, _) = item.sequel { record.retryAt = now + wait }
        return record
    }

    private func refusal(_ id: ItemID, at now: Instant) -> Refusal? {
        guard let item = items[id], let failure = item.lastFailure else { return nil }
        var shelved: DeadLetter?
        if case .letter = item.sequel, isShelved(item) { shelved = letter(for: item, failure) }
        return Refusal(
            consumer: settings.queue, messageID: item.envelope.messageID, failure: failure, shelved: shelved,
            keepUntil: now + settings.window + settings.deadLetterRetention, sentAt: item.envelope.sentAt,
            deliveries: item.envelope.receiveCount, body: item.envelope.body,
            verified: item.event.map {
                Refusal.Verified(
                    event: $0, handler: item.handler, generation: item.generation, attempts: item.history.attempts)
            })
    }

    mutating func noteFailure(_ id: ItemID, _ failure: Failure) {
        guard let item = items[id] else { return }
        actions.append(.note(.failed(subject(of: item), failure)))
    }
}
