import Events
import Pipeline

/// The store's rules over plain dictionaries: what is in `rows`, `state` and `refusals` is durable, claims are not.
final class SimulatedLedger {
    struct Row {
        var state: Dedup.Row.State
        var event: Event
        var messageID: MessageID
        var history: History
        var failure: Failure?
        var fence: UInt64
    }
    struct Claimed {
        let request: ClaimRequest
        let history: History
        var until: Instant
    }

    private let agenda: Agenda
    private(set) var rows: [EventID: Row] = [:]
    private(set) var state: [Bytes: (value: Int, version: UInt64)] = [:]
    private(set) var refusals: [MessageID: Failure] = [:]
    /// The order in which events were done.
    private(set) var done: [EventID] = []
    /// Done in a store that is no more.
    private(set) var lost: Set<EventID> = []
    private(set) var claims: [UInt64: Claimed] = [:]
    private var doneKeys: [Digest: EventID] = [:]
    private var fence: UInt64 = 0
    private var versions: UInt64 = 0

    init(_ agenda: Agenda) { self.agenda = agenda }

    func crash() { claims = [:] }

    /// The pod went, and the volume with it.
    func lose() {
        crash()
        lost.formUnion(done)
        (rows, state, refusals, done, doneKeys) = ([:], [:], [:], [], [:])
    }

    func claim(_ requests: [ClaimRequest]) -> [Claim] {
        claims = claims.filter { $0.value.until > agenda.now }
        return requests.map { request in
            switch Dedup.judge(rows(for: request), for: request, at: agenda.now) {
            case .grant(let history):
                fence += 1
                claims[fence] = Claimed(request: request, history: history, until: agenda.now + request.lease)
                return .granted(Lease(fence: fence), history)
            case .done: return .done
            case .inFlight: return .inFlight
            case .dead(let failure): return .dead(failure)
            case .refuse(let failure): return .refused(failure)
            }
        }
    }

    private func rows(for request: ClaimRequest) -> [Dedup.Row] {
        var found: [Dedup.Row] = []
        for claimed in claims.values {
            let isSame = claimed.request.event.id == request.event.id
            let isSameKey = request.businessKey != nil && claimed.request.businessKey == request.businessKey
            if isSame || isSameKey {
                let request = claimed.request
                found.append(row(request.event, .claimed, request.messageID, claimed.history, nil, isSame))
            }
        }
        if let own = rows[request.event.id] {
            found.append(row(own.event, own.state, own.messageID, own.history, own.failure, true))
        }
        if let key = request.businessKey, let id = doneKeys[key], id != request.event.id, let other = rows[id] {
            found.append(row(other.event, other.state, other.messageID, other.history, other.failure, false))
        }
        return found
    }

    private func row(
        _ event: Event, _ state: Dedup.Row.State, _ message: MessageID, _ history: History, _ failure: Failure?,
        _ isOwn: Bool
    ) -> Dedup.Row {
        Dedup.Row(
            match: isOwn ? .eventID : .businessKey, state: state, messageID: message,
            payloadDigest: event.payloadDigest, source: event.source, detailType: event.detailType,
            resource: event.resource, history: history, failure: failure)
    }

    func renew(_ leases: [Lease], until: Instant) -> [Bool] {
        leases.map { lease in
            guard claims[lease.fence].map({ $0.until > agenda.now }) == true else { return false }
            claims[lease.fence]?.until = until
            return true
        }
    }

    func release(_ leases: [Lease]) { for lease in leases { claims[lease.fence] = nil } }

    func commit(_ commitments: [Commitment]) -> [CommitResult] { commitments.map(commit) }

    private func commit(_ commitment: Commitment) -> CommitResult {
        guard let claimed = claims[commitment.lease.fence], claimed.until > agenda.now else {
            let isRepeat = rows.values.contains { $0.fence == commitment.lease.fence }
            return isRepeat ? .committed : .lostClaim
        }
        let request = claimed.request
        var row = Row(
            state: .retry, event: request.event, messageID: request.messageID, history: commitment.history,
            failure: nil, fence: commitment.lease.fence)
        switch commitment.verdict {
        case .done(let effects):
            let seen = effects.reads.allSatisfy { (state[$0.key]?.version ?? 0) == $0.version }
            guard seen else { return .lostState }
            for write in effects.writes {
                versions += 1
                state[write.key] = (write.value.map { Int($0.text) ?? 0 } ?? 0, versions)
            }
            row.state = .done
            done.append(request.event.id)
            if let key = request.businessKey { doneKeys[key] = request.event.id }
        case .retry(let failure): row.failure = failure
        case .dead(let failure, _):
            row.state = .dead
            row.failure = failure
        }
        rows[request.event.id] = row
        claims[commitment.lease.fence] = nil
        return .committed
    }

    func refuse(_ items: [Refusal]) { for refusal in items { refusals[refusal.messageID] = refusal.failure } }
}
