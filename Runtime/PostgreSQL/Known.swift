import Events
import Pipeline
import StoreCommon

/// What the server knows of an event that somebody asks for: the rows of `look`.
struct Known {
    /// As the tables have it. Done is the least, so that it comes first in the index.
    enum State: Int64 {
        case done, dead, retry, claimed
        var dedup: Dedup.Row.State {
            switch self {
            case .done: .done
            case .dead: .dead
            case .retry: .retry
            case .claimed: .claimed
            }
        }
        var account: LedgerAccount.State {
            switch self {
            case .done: .done
            case .dead: .dead
            case .retry: .retry
            case .claimed: .claimed
            }
        }
    }
    enum Kind: Int64 { case ledger, claim, parked, permit, granted = 9 }

    let kind: Kind
    let match: Dedup.Row.Match
    let row: Int64
    let fence: UInt64
    let state: State
    let id: EventID
    let messageID: MessageID
    let payload: Digest?
    let source: String
    let detailType: String
    let resource: String
    let history: History
    let failure: Failure?
    let keepUntil: Instant
    /// Names all rows of the answer: a grant asks for them to be the same still.
    let mark: String
    /// Which request of the batch it answers, from 0 on.
    let request: Int

    init?(_ row: Row) {
        guard let kind = Kind(rawValue: row.integer(0)), let state = State(rawValue: row.integer(4)) else { return nil }
        self.kind = kind
        self.state = state
        match = [.eventID, .tokenDigest, .businessKey][Int(min(max(row.integer(1), 0), 2))]
        self.row = row.integer(2)
        fence = UInt64(bitPattern: row.integer(3))
        id = EventID(issuer: row.text(5), text: row.text(6))
        messageID = MessageID(row.text(7))
        payload = row.digest(8)
        source = row.text(9)
        detailType = row.text(10)
        resource = row.text(11)
        history = History(
            attempts: row.number(12), spent: [String: Int](counts: row.text(13)), strikes: row.number(14),
            firstSeen: row.instant(15))
        failure = FailureCode(rawValue: row.text(16)).map { Failure($0, row.text(17), row.text(18)) }
        keepUntil = row.instant(19)
        mark = row.text(20)
        request = row.number(21) - 1
    }

    private func dedupRow(_ match: Dedup.Row.Match) -> Dedup.Row? {
        payload.map { payload in
            Dedup.Row(
                match: match, state: state.dedup, messageID: messageID, payloadDigest: payload, source: source,
                detailType: detailType, resource: resource, history: history, failure: failure)
        }
    }

    /// True if the end of the request is written to this row. A token that came under another label is not its own.
    private func isOwn(_ request: ClaimRequest) -> Bool {
        let event = request.event
        return switch match {
        case .eventID: true
        case .tokenDigest: (source, detailType, resource) == (event.source, event.detailType, event.resource)
        case .businessKey: false
        }
    }

    /// What all that is known means for a request.
    struct Verdict {
        let judgement: Dedup.Judgement
        let permit: Permit?
        /// The ledger's row that the request's end will be written to, and whether that says done.
        private(set) var own: Int64?
        private(set) var wasDone = false
        /// The event that was done before.
        private(set) var done: String?

        init(_ known: [Known], for request: ClaimRequest, at now: Instant) {
            let permit = known.first { $0.kind == .permit }.map { row in
                Permit(
                    consumer: request.consumer, event: row.id.text, until: row.keepUntil,
                    isBegun: row.state != .done)
            }
            self.permit = permit
            var rows: [Dedup.Row] = []
            for match in Dedup.Row.Match.all {
                let holder = known.first { $0.kind == .claim && $0.match == match }
                let found = known.first { $0.kind == .ledger && $0.match == match }
                let live = found.flatMap { $0.keepUntil > now ? $0 : nil }
                if own == nil, let found, found.isOwn(request) {
                    own = found.row
                    wasDone = live?.state == .done
                }
                if let live, live.state == .done { done = done ?? live.id.text }
                // Done always wins; but under a permit a second copy waits for the first.
                let counts = live.map { holder == nil || ($0.state == .done && permit == nil) } ?? false
                if let row = (counts ? live : holder)?.dedupRow(match) { rows.append(row) }
            }
            judgement = Dedup.judge(
                rows, for: request, permitted: permit, behind: known.first { $0.kind == .parked }?.id, at: now)
        }
    }
}
