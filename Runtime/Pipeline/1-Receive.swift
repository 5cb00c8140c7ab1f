import Events

/// The first stage: polls, admission, newest receipt handles, and the visibility of everything in hand.
extension Pipeline {
    mutating func poll(at now: Instant) {
        guard drain == .running else { return }
        while let count = admission.poll(at: now) { actions.append(.receive(atMost: count)) }
    }

    mutating func received(_ result: Result<[Envelope], Failure>, asked: Int, at now: Instant) {
        switch result {
        case .failure(let failure):
            admission.pollFailed(asked: asked, at: now, random: &random)
            actions.append(.note(.receiveFailed(failure)))
        case .success(let envelopes):
            admission.polled(asked: asked, brought: envelopes.count)
            let bytes = envelopes.reduce(0) { $0 + $1.body.count }
            actions.append(.note(.received(count: envelopes.count, bytes: bytes)))
            verify(envelopes.compactMap { take($0, at: now) })
        }
    }

    mutating func received(timers events: [Event], at now: Instant) {
        guard drain == .running else { return }
        let fresh = events.compactMap { event -> ItemID? in
            let envelope = Envelope(
                messageID: MessageID("timer/\(event.id.text)"), receipt: ReceiptHandle(""), body: event.detail,
                sentAt: now, firstReceivedAt: now)
            guard byMessage[envelope.messageID] == nil else { return nil }
            let id = add(envelope, isTimer: true, at: now)
            items[id]?.event = event
            return id
        }
        route(fresh)
    }

    /// A message that is in hand already swaps in its newest handle; else it becomes an item.
    private mutating func take(_ envelope: Envelope, at now: Instant) -> ItemID? {
        if let id = byMessage[envelope.messageID] {
            items[id]?.envelope.receipt = envelope.receipt
            items[id]?.envelope.receiveCount = envelope.receiveCount
            visibility.received(id, at: now)
            actions.append(.note(.redelivered(envelope.messageID)))
            return nil
        }
        let id = add(envelope, isTimer: false, at: now)
        groups.enter(id, envelope.group)
        return id
    }

    private mutating func add(_ envelope: Envelope, isTimer: Bool, at now: Instant) -> ItemID {
        lastID += 1
        let id = ItemID(number: lastID)
        items[id] = Item(id: id, envelope: envelope, isTimer: isTimer, at: now)
        byMessage[envelope.messageID] = id
        admission.took(envelope)
        visibility.received(id, at: now)
        return id
    }

    /// It is not in hand any more, whatever became of it. The next of its group goes on.
    mutating func forget(_ id: ItemID) {
        guard let item = items.removeValue(forKey: id) else { return }
        byMessage[item.envelope.messageID] = nil
        admission.released(item.envelope)
        visibility.ended(id)
        parked.cancel(id)
        verdicts[id] = nil
        delays[id] = nil
        leaveGroup(id, item.envelope.group)
    }

    // MARK: - visibility and leases

    mutating func extendDue(at now: Instant) {
        var due: [ItemID] = []
        for id in visibility.takeDue(at: now) {
            guard let item = items[id], item.state != .returning, !item.isExtending else { continue }
            if now - item.heldSince > Limits.heldAtMost, case .parked = item.state {
                giveBack(id, after: .seconds(60))
                continue
            }
            items[id]?.isExtending = true
            due.append(id)
        }
        for start in stride(from: 0, to: due.count, by: Limits.batchEntries) {
            let batch = Array(due[start..<min(start + Limits.batchEntries, due.count)])
            let extensions = batch.compactMap { id in
                items[id].map { item in
                    Extension(
                        visibility: item.isTimer
                            ? nil : VisibilityChange(receipt: item.envelope.receipt, timeout: visibility.timeout),
                        lease: item.lease, leaseUntil: now + visibility.timeout)
                }
            }
            actions.append(.extend(batch, extensions))
        }
    }

    mutating func extended(_ ids: [ItemID], _ failures: [Failure?], held: [Bool], at now: Instant) {
        for (index, id) in ids.enumerated() {
            guard let item = items[id] else { continue }
            items[id]?.isExtending = false
            if let failure = failures[index] { actions.append(.note(.settleFailed(subject(of: item), failure))) }
            if !held[index], let lease = item.lease { actions.append(.revoke(lease)) }
            switch item.state {
            case .deleting: deletions.add(id)
            case .returning: returns.add(id)
            default: visibility.started(id, at: now)
            }
        }
    }

    // MARK: - pauses

    mutating func pause(_ area: String, _ failure: Failure?) {
        guard admission.pause(area, failure) else { return }
        actions.append(.note(failure.map { .paused($0) } ?? .resumed))
    }

    func subject(of item: Item) -> PipelineEvent.Subject {
        PipelineEvent.Subject(
            queue: settings.queue, messageID: item.envelope.messageID, handler: item.handler,
            eventID: item.event?.id.text ?? "", traceParent: item.event?.trace.parent ?? "")
    }
}
