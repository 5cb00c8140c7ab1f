import Events

/// The first stage: polls, admission, newest receipt handles, and the visibility of everything in hand.
extension Pipeline {
    mutating func poll(at now: Instant) {
        guard drain == .running else { return }
        if admission.count == 0 {
            // What a message found out can only be found out again with one.
            pause("keys", nil)
            pause("store", nil)
        }
        let limit = workbenches.limit(at: now)
        while let count = admission.poll(at: now, limit: limit) { actions.append(.receive(atMost: count)) }
    }

    mutating func received(_ result: Result<[Envelope], Failure>, asked: Int, at now: Instant) {
        switch result {
        case .failure(let failure):
            admission.pollFailed(asked: asked, at: now, random: &random)
            actions.append(.note(.receiveFailed(failure)))
        case .success(let envelopes):
            admission.polled(asked: asked, brought: envelopes.count)
            var bytes = 0
            for place in envelopes.indices { bytes += envelopes[place].body.count }
            actions.append(.note(.received(count: envelopes.count, bytes: bytes)))
            var entered: Set<String> = []
            var taken = [Item](room: envelopes.count)
            for place in envelopes.indices {
                if let item = take(envelopes[place], &entered, at: now) { taken.append(item) }
            }
            verify(taken)
        }
    }

    mutating func received(timers events: [Event], at now: Instant) {
        guard drain == .running else { return }
        let fresh = events.compactMap { event -> Item? in
            let envelope = Envelope(
                messageID: MessageID("timer/\(event.id.text)"), receipt: ReceiptHandle(""), body: event.detail,
                sentAt: now, firstReceivedAt: now)
            let (item, isNew) = take(envelope, isTimer: true, at: now)
            guard isNew else { return nil }
            item.event = event
            return item
        }
        route(fresh)
    }

    /// A message that is in hand already swaps in its newest handle; else it becomes an item. One that was given back,
    /// and is here again before the answer to that, stands behind those of its group that came before it this time.
    /// - Parameter entered: groups that have got an item in this receive.
    private mutating func take(_ envelope: Envelope, _ entered: inout Set<String>, at now: Instant) -> Item? {
        let (item, isNew) = take(envelope, isTimer: false, at: now)
        guard isNew else {
            item.receipt = envelope.receipt
            item.deliveries = envelope.receiveCount
            visibility.received(item.id, at: now)
            actions.append(.note(.redelivered(envelope.messageID)))
            if item.state == .returning, let group = envelope.group, entered.contains(group) {
                leaveGroup(item)
                groups.enter(item)
            }
            return nil
        }
        groups.enter(item)
        if let group = envelope.group { entered.insert(group) }
        return item
    }

    private mutating func take(_ envelope: Envelope, isTimer: Bool, at now: Instant) -> (Item, isNew: Bool) {
        let (item, isNew) = hand.take(envelope, isTimer: isTimer, at: now)
        guard isNew else { return (item, false) }
        admission.took(envelope)
        visibility.received(item.id, at: now)
        return (item, true)
    }

    /// It is not in hand any more, whatever became of it. The next of its group goes on.
    mutating func forget(_ item: Item) {
        guard hand.drop(item) else { return }
        admission.released(item.envelope)
        visibility.ended(item.id)
        parked.cancel(item.id)
        leaveGroup(item)
    }

    // MARK: - visibility and leases

    mutating func extendDue(at now: Instant) {
        var due: [Item] = []
        for id in visibility.takeDue(at: now) {
            // A delivery that came again has a beat of its own; a delete that is due or under way must not meet it.
            guard let item = hand[id], item.state != .returning, item.state != .deleting, !item.isExtending
            else { continue }
            if now - item.heldSince > Limits.heldAtMost, isWaiting(item) {
                giveBack(item, after: .seconds(60))
                continue
            }
            item.isExtending = true
            due.append(item)
        }
        for start in stride(from: 0, to: due.count, by: Limits.batchEntries) {
            let batch = due[start..<min(start + Limits.batchEntries, due.count)]
            let extensions = batch.map { item in
                Extension(
                    visibility: item.isTimer
                        ? nil : VisibilityChange(receipt: item.receipt, timeout: visibility.timeout),
                    lease: item.lease, leaseUntil: now + visibility.timeout)
            }
            actions.append(.extend(batch.map { $0.id }, extensions))
        }
    }

    /// Nothing is being done for it: it waits for a time, or for a worker.
    private func isWaiting(_ item: Item) -> Bool {
        switch item.state {
        case .parked, .ready: true
        default: false
        }
    }

    mutating func extended(_ ids: [ItemID], _ failures: [Failure?], held: [Bool], at now: Instant) {
        for (index, id) in ids.enumerated() {
            guard let item = hand[id] else { continue }
            item.isExtending = false
            if let failure = failures[index] { actions.append(.note(.settleFailed(subject(of: item), failure))) }
            if !held[index], let lease = item.lease { actions.append(.revoke(lease)) }
            switch item.state {
            case .deleting: deletions.add(item)
            case .returning: returns.add(item)
            default: visibility.started(id, at: now)
            }
        }
    }

    // MARK: - pauses

    mutating func pause(_ area: String, _ failure: Failure?) {
        guard admission.pause(area, failure) else { return }
        actions.append(.note(failure.map { .paused($0) } ?? .resumed))
    }

    /// The pauses' area that is said by ``Input/storeAway(_:)`` alone.
    private static let awayArea = "store-away"

    /// Whether nothing begins, since nobody could say whether it was done.
    var isStoreAway: Bool { admission.pauses[Self.awayArea] != nil }

    /// While the store is away what waits for it, or for a worker, goes back to the queue: whoever reaches the store
    /// may have it. Of a FIFO group the head goes first, and the others follow it in their order.
    mutating func storeAway(_ failure: Failure?) {
        pause(Self.awayArea, failure)
        guard isStoreAway else { return }
        for item in hand.inOrder where groups.isHead(item) {
            switch item.state {
            case .parked(.claim), .ready: giveBack(item, after: .zero)
            default: break
            }
        }
    }

    func subject(of item: Item) -> PipelineEvent.Subject {
        PipelineEvent.Subject(messageID: item.envelope.messageID, handler: item.handler, event: item.event)
    }
}
