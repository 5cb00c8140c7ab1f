public import Events

/// The fourth stage: has this event been seen, and what became of it?
///
/// The rules are pure and stand here; the store that holds the rows applies them under its own lock, so that looking
/// and claiming are one step.
public enum Dedup {
    /// A row of the ledger that shares an identity with a request.
    public struct Row: Sendable {
        public enum Match: Sendable { case eventID, tokenDigest, businessKey }
        public enum State: String, Sendable { case claimed, retry, done, dead }
        public let match: Match
        public let state: State
        public let messageID: MessageID
        public let payloadDigest: Digest
        public let source: String
        public let detailType: String
        public let resource: String
        public let history: History
        /// The code of the verdict, for a dead row.
        public let failure: Failure?

        public init(
            match: Match, state: State, messageID: MessageID, payloadDigest: Digest, source: String,
            detailType: String, resource: String, history: History, failure: Failure?
        ) {
            self.match = match
            self.state = state
            self.messageID = messageID
            self.payloadDigest = payloadDigest
            self.source = source
            self.detailType = detailType
            self.resource = resource
            self.history = history
            self.failure = failure
        }
    }

    public enum Judgement: Sendable {
        /// Run it, with this history: a fresh one for an event that was never seen or was redriven.
        case grant(History)
        case done
        case inFlight
        case dead(Failure)
        case refuse(Failure)
    }

    /// Judges a request by the rows that share an identity with it, at most one per kind of match.
    ///
    /// Done always wins. An identity of our own (event id, token digest) comes before the business key. Only an event
    /// without a row of its own is subject to the age rule. What would be granted may still have to stand behind the
    /// event that its group is parked behind.
    /// - Parameters:
    ///   - permit: an operator's word that holds now: neither done, dead, conflict nor age is in its way then.
    ///   - blocker: the event that the request's group is parked behind.
    public static func judge(
        _ rows: [Row], for request: ClaimRequest, permitted permit: Permit? = nil, behind blocker: EventID? = nil,
        at now: Instant
    ) -> Judgement {
        let judgement = permit.map { judge(rows, request, under: $0, at: now) } ?? judge(rows, request, at: now)
        guard case .grant = judgement, let blocker, blocker != request.event.id else { return judgement }
        return .refuse(Failure(.dedupParked, request.event.id.text, "its group is parked behind \(blocker)"))
    }

    private static func judge(_ rows: [Row], _ request: ClaimRequest, at now: Instant) -> Judgement {
        if let conflict = rows.lazy.compactMap({ conflict(of: request, with: $0) }).first { return .refuse(conflict) }
        if rows.contains(where: { $0.state == .done }) { return .done }
        if rows.contains(where: { $0.state == .claimed }) { return .inFlight }
        guard let own = rows.first(where: { $0.match != .businessKey }) else {
            if let failure = expiry(of: request, at: now) { return .refuse(failure) }
            return .grant(History(firstSeen: now))
        }
        guard own.state == .dead else { return .grant(own.history) }
        if own.messageID == request.messageID, let failure = own.failure { return .dead(failure) }
        return .grant(History(firstSeen: own.history.firstSeen))
    }

    /// A run under a permit begins afresh; one that is to be tried again goes on with its count, which the event's own
    /// row has, whether that says done or not.
    private static func judge(
        _ rows: [Row], _ request: ClaimRequest, under permit: Permit, at now: Instant
    ) -> Judgement {
        if rows.contains(where: { $0.state == .claimed }) { return .inFlight }
        let own = rows.first { row in
            row.match == .eventID || (row.match == .tokenDigest && conflict(of: request, with: row) == nil)
        }
        guard permit.isBegun, let own else { return .grant(History(firstSeen: now)) }
        return .grant(own.history)
    }

    private static func conflict(of request: ClaimRequest, with row: Row) -> Failure? {
        let event = request.event
        let cause: String
        switch row.match {
        case .eventID where row.state == .done && row.payloadDigest != event.payloadDigest:
            cause = "its id was done with another payload"
        case .tokenDigest where (row.source, row.detailType, row.resource)
            != (event.source, event.detailType, event.resource):
            cause = "its token came before under another source, detail type or resource"
        case .businessKey where row.state == .done && row.payloadDigest != event.payloadDigest:
            cause = "its business key was done with another payload"
        default: return nil
        }
        return Failure(.dedupConflict, event.id.text, cause)
    }

    private static func expiry(of request: ClaimRequest, at now: Instant) -> Failure? {
        let signed = request.event.signedAt
        if request.sentAt - signed > request.rules.maximumAge {
            return Failure(.dedupExpired, request.event.id.text, "signed longer than max-age before the queue had it")
        }
        if now - signed > request.rules.window {
            return Failure(.dedupExpired, request.event.id.text, "signed before the window of the ledger")
        }
        return nil
    }
}

/// Claims: what may run now has a lease, everything else waits, is finished, or is refused.
extension Pipeline {
    static let inFlightBackoff = Backoff(base: .milliseconds(200), cap: .seconds(10))
    static let storeBackoff = Backoff(base: .milliseconds(200), cap: .seconds(15))

    /// At the end of the step, with all others of it.
    mutating func claim(_ items: [Item]) {
        for item in items { item.state = .claiming }
        if claims.isEmpty { claims = items } else { claims += items }
    }

    mutating func claimBatches() {
        while !claims.isEmpty {
            let batch = claims.takeFirst(Limits.storeBatch)
            var ids = [ItemID](room: batch.count)
            var requests = [ClaimRequest](room: batch.count)
            let (consumer, rules, lease) = (settings.queue, settings.ageRules, visibility.timeout)
            for item in batch where hand.has(item) && item.state == .claiming {
                if returnedByDrain(item) { continue }
                guard staysInPlace(item), let event = item.event, let handler = item.handler else { continue }
                guard groups.isHead(item) else {
                    item.state = .blocked
                    continue
                }
                ids.append(item.id)
                requests.append(
                    ClaimRequest(
                        consumer: consumer, messageID: item.envelope.messageID, event: event, handler: handler,
                        businessKey: item.businessKey, group: item.envelope.group, sentAt: item.envelope.sentAt,
                        deliveries: item.deliveries, rules: rules, lease: lease))
            }
            if !ids.isEmpty { actions.append(.claim(ids, requests)) }
        }
    }

    mutating func claimed(_ ids: [ItemID], _ result: Result<[Claim], Failure>, at now: Instant) {
        switch result {
        case .failure(let failure):
            storeErrors += 1
            pause("store", failure)
            let wait = Self.storeBackoff.delay(attempt: storeErrors, random: &random) + .milliseconds(50)
            for item in hand.all(ids) { delay(item, by: wait, then: .claim, failure, at: now) }
        case .success(let claims):
            storeErrors = 0
            pause("store", nil)
            for place in ids.indices.prefix(claims.count) {
                if let item = hand[ids[place]] { claimed(item, claims[place], at: now) }
            }
        }
    }

    private mutating func claimed(_ item: Item, _ claim: Claim, at now: Instant) {
        guard let event = item.event else { return }
        switch claim {
        case .granted(let lease, let history):
            item.lease = lease
            item.history = history
            item.tries = 0
            if !suspects.isEmpty, suspects.remove(event.id) != nil { item.isAlone = true }
            if history.strikes > 0 { item.isAlone = true }
            ready(item, at: now)
        case .done:
            actions.append(.note(.duplicate(subject(of: item))))
            // This message may be the one that was done, and its event's publications still wait.
            if settings.deletesWaitForBus { return awaitBus(item, event, then: .duplicate) }
            settled(item, as: .duplicate, at: now)
        case .inFlight:
            item.tries += 1
            let wait = Self.inFlightBackoff.delay(attempt: item.tries, random: &random) + .milliseconds(20)
            let failure = Failure(.dedupInFlight, event.id.text, "another copy or the same business key is being run")
            delay(item, by: wait, then: .claim, failure, at: now)
        case .dead(let failure):
            item.lastFailure = failure
            sendLetter(item)
        case .refused(let failure):
            refuse(item, failure)
        }
    }

    mutating func leaveGroup(_ item: Item) {
        guard let next = groups.leave(item), next.state == .blocked else { return }
        claim([next])
    }
}
