import Events
import Pipeline

/// The store's rules over plain dictionaries: ledger, claims, parked groups and handler state. ``Dedup`` decides here
/// as it does in every store; the outbox is a file of its own.
///
/// Embedded, claims are memory and end with the process; shared, they are rows, and their leases end by the store's own
/// clock. In both the fence is the only authority at commit: a lease that ended counts until another claim takes over.
final class StoreModel {
    struct Row {
        var state: Dedup.Row.State
        var event: Event
        var messageID: MessageID
        var history: History
        var failure: Failure?
        var at: Int64
    }
    struct Claimed {
        let request: ClaimRequest
        let history: History
        let permit: Permit?
        var until: Instant
    }
    private struct KeyID: Hashable {
        let handler: HandlerID
        let key: Digest
    }

    let agenda: Agenda
    let shape: Shape
    let bug: PlantedBug?
    private(set) var rows: [EventID: Row] = [:]
    private var byToken: [Digest: EventID] = [:]
    private var byKey: [KeyID: EventID] = [:]
    private(set) var state: [Bytes: (value: Int, version: UInt64)] = [:]
    private(set) var parked: [String: EventID] = [:]
    private var permits: [EventID: Permit] = [:]
    private var claims: [UInt64: Claimed] = [:]
    private var claimOf: [EventID: UInt64] = [:]
    private var claimOfToken: [Digest: UInt64] = [:]
    private var claimOfKey: [KeyID: UInt64] = [:]
    private var committed: Set<UInt64> = []
    private var fence: UInt64 = 0
    private var versions: UInt64 = 0
    let outbox: OutboxModel
    var onDone: (ClaimRequest) -> Void = { _ in }
    var onVerdict: (ClaimRequest, Commitment) -> Void = { _, _ in }
    var onShelved: (DeadLetter) -> Void = { _ in }

    init(_ shape: Shape, _ agenda: Agenda, bug: PlantedBug?) {
        self.shape = shape
        self.agenda = agenda
        self.bug = bug
        outbox = OutboxModel(shape, agenda, bug: bug)
    }

    /// The process ended. What it claimed in a shared store stays until the leases end.
    func crashed() {
        if shape.storage != .shared {
            (claims, claimOf, claimOfToken, claimOfKey) = ([:], [:], [:], [:])
        }
        if shape.storage == .ephemeral {
            (rows, byToken, byKey, state, parked, permits) = ([:], [:], [:], [:], [:], [:])
            outbox.lose()
        }
        distortAtRestart()
    }

    func free() { parked = [:] }

    func permit(_ id: EventID) {
        permits[id] = Permit(
            consumer: QueueName("q"), event: id.text, until: Agenda.instant(agenda.now + 3_600_000))
    }

    // MARK: - claims

    func claim(_ requests: [ClaimRequest], at now: Instant) -> [Claim] {
        requests.map { request in
            let head = request.group.flatMap { parked[$0] }
            let permit = permits[request.event.id].flatMap { $0.until > now ? $0 : nil }
            let found = found(for: request, isPermitted: permit != nil, at: now)
            let judgement = Dedup.judge(found, for: request, permitted: permit, behind: head, at: now)
            switch distorted(judgement, of: request, at: now) {
            case .grant(let history): return .granted(grant(request, history, permit, at: now), history)
            case .done: return .done
            case .inFlight: return .inFlight
            case .dead(let failure): return .dead(failure)
            case .refuse(let failure): return .refused(failure)
            }
        }
    }

    private func keyID(_ request: ClaimRequest) -> KeyID? {
        request.businessKey.map { KeyID(handler: request.handler, key: $0) }
    }

    /// A row that is done comes before a claim, unless a permit lets it run again; a claim before any other row.
    private func found(for request: ClaimRequest, isPermitted: Bool, at now: Instant) -> [Dedup.Row] {
        let event = request.event
        var met: [(Dedup.Row.Match, UInt64?, Row?)] = [(.eventID, claimOf[event.id], rows[event.id])]
        if let token = event.tokenDigest {
            met.append((.tokenDigest, claimOfToken[token], byToken[token].flatMap { rows[$0] }))
        }
        if let key = keyID(request) {
            met.append((.businessKey, claimOfKey[key], byKey[key].flatMap { rows[$0] }))
        }
        return met.compactMap { match, fence, row in
            if let claim = fence.flatMap({ claims[$0] }), claim.until > now, row?.state != .done || isPermitted {
                return dedupRow(match, .claimed, claim.request.event, claim.request.messageID, claim.history, nil)
            }
            return row.map { dedupRow(match, $0.state, $0.event, $0.messageID, $0.history, $0.failure) }
        }
    }

    private func dedupRow(
        _ match: Dedup.Row.Match, _ state: Dedup.Row.State, _ event: Event, _ message: MessageID, _ history: History,
        _ failure: Failure?
    ) -> Dedup.Row {
        Dedup.Row(
            match: match, state: state, messageID: message, payloadDigest: event.payloadDigest, source: event.source,
            detailType: event.detailType, resource: event.resource, history: history, failure: failure)
    }

    /// Whoever held one of these identities has lost it: its lease had ended.
    private func grant(_ request: ClaimRequest, _ history: History, _ permit: Permit?, at now: Instant) -> Lease {
        fence += 1
        if bug != .lostFenceTaken, bug != .inFlightGranted {
            remove(claimOf[request.event.id])
            remove(request.event.tokenDigest.flatMap { claimOfToken[$0] })
            remove(keyID(request).flatMap { claimOfKey[$0] })
        }
        claims[fence] = Claimed(
            request: request, history: history, permit: permit, until: now + request.lease)
        claimOf[request.event.id] = fence
        if let token = request.event.tokenDigest { claimOfToken[token] = fence }
        if let key = keyID(request) { claimOfKey[key] = fence }
        return Lease(fence: fence)
    }

    private func remove(_ fence: UInt64?) {
        guard let fence, let claim = claims.removeValue(forKey: fence) else { return }
        let event = claim.request.event
        if claimOf[event.id] == fence { claimOf[event.id] = nil }
        if let token = event.tokenDigest, claimOfToken[token] == fence { claimOfToken[token] = nil }
        if let key = keyID(claim.request), claimOfKey[key] == fence { claimOfKey[key] = nil }
    }

    func renew(_ lease: Lease, until: Instant) -> Bool {
        guard claims[lease.fence] != nil else { return false }
        claims[lease.fence]?.until = until
        return true
    }

    func release(_ leases: [Lease]) { for lease in leases { remove(lease.fence) } }

    // MARK: - commits

    func commit(_ commitment: Commitment, at now: Instant) -> CommitResult {
        let fence = commitment.lease.fence
        guard let claim = claims[fence] else { return committed.contains(fence) ? .committed : .lostClaim }
        let request = claim.request
        var row = Row(
            state: .retry, event: request.event, messageID: request.messageID, history: commitment.history,
            failure: nil, at: agenda.now)
        if bug == .classForgotten { row.history.spent = [:] }
        switch commitment.verdict {
        case .done(let effects):
            if bug == .abortedSent { outbox.add(effects.drafts, of: request, at: now) }
            let seen = effects.reads.allSatisfy { (state[$0.key]?.version ?? 0) == $0.version }
            guard seen else { return .lostState }
            row.state = .done
            finish(effects, of: request, at: now)
        case .retry(let failure): row.failure = failure
        case .dead(let failure, let shelved, let parks):
            row.state = .dead
            row.failure = failure
            if let shelved { onShelved(shelved) }
            if parks, let group = request.group { park(group, behind: request.event.id) }
        }
        if claim.permit != nil { use(permits[request.event.id], of: request.event.id, by: commitment.verdict) }
        onVerdict(request, commitment)
        rows[request.event.id] = row
        if let token = request.event.tokenDigest { byToken[token] = request.event.id }
        committed.insert(fence)
        remove(fence)
        return .committed
    }

    private func finish(_ effects: Effects, of request: ClaimRequest, at now: Instant) {
        for write in effects.writes {
            versions += 1
            state[write.key] = (write.value.map(Script.number) ?? 0, versions)
        }
        if bug != .abortedSent { outbox.add(effects.drafts, of: request, at: now) }
        outbox.confirm(effects.drafts.count, of: request)
        if let key = keyID(request) { byKey[key] = request.event.id }
        if let group = request.group, parked[group] == request.event.id { parked[group] = nil }
        onDone(request)
    }

    /// Used up by the end of its run; one that is to be tried again goes on with its count.
    private func use(_ permit: Permit?, of id: EventID, by verdict: Commitment.Verdict) {
        guard let permit else { return }
        permits[id] = nil
        if case .retry = verdict {
            permits[id] = Permit(
                consumer: permit.consumer, event: permit.event, until: permit.until, isBegun: true)
        }
    }

    private func park(_ group: String, behind head: EventID) {
        if bug != .parkForgotten { parked[group] = parked[group] ?? head }
    }

    func refuse(_ refusals: [Refusal]) {
        for refusal in refusals { if let letter = refusal.shelved { onShelved(letter) } }
    }

    // MARK: - where planted bugs change rows

    func update(_ change: (inout Row) -> Void) {
        rows = rows.mapValues { row in
            var row = row
            change(&row)
            return row
        }
    }
    func removeRows(where isGone: (Row) -> Bool) { rows = rows.filter { !isGone($0.value) } }
}
