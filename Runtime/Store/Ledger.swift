import Events
import Pipeline
import StoreCommon

/// One row of the ledger: what became of an event.
struct LedgerRow {
    /// As the file has it. Done is the least, so that it comes first in the index.
    enum State: Int64 {
        case done, dead, retry
        var dedup: Dedup.Row.State {
            switch self {
            case .done: .done
            case .dead: .dead
            case .retry: .retry
            }
        }
    }

    let row: Int64
    let consumer: QueueName
    let id: EventID
    let handler: HandlerID
    let state: State
    let messageID: MessageID
    let payloadDigest: Digest
    let source: String
    let detailType: String
    let resource: String
    let history: History
    let failure: Failure?
    let keepUntil: Instant

    /// - Parameter row: all columns, in the order of the table.
    init?(_ row: Columns) {
        guard let state = State(rawValue: row.integer(12)), let payload = row.digest(7) else { return nil }
        self.row = row.integer(0)
        consumer = QueueName(row.text(1))
        id = EventID(issuer: row.text(2), text: row.text(3))
        handler = HandlerID(row.text(5))
        self.state = state
        messageID = MessageID(row.text(11))
        payloadDigest = payload
        source = row.text(8)
        detailType = row.text(9)
        resource = row.text(10)
        history = History(
            attempts: row.number(13), spent: [String: Int](counts: row.text(14)), strikes: row.number(15),
            firstSeen: row.instant(16))
        failure = FailureCode(rawValue: row.text(17)).map { Failure($0, row.text(18), row.text(19)) }
        keepUntil = row.instant(20)
    }

    /// True if the end of the request is written to this row. A token that came under another label is not its own.
    func isOwn(_ match: Dedup.Row.Match, of request: ClaimRequest) -> Bool {
        let event = request.event
        return switch match {
        case .eventID: true
        case .tokenDigest: (source, detailType, resource) == (event.source, event.detailType, event.resource)
        case .businessKey: false
        }
    }

    func dedupRow(_ match: Dedup.Row.Match) -> Dedup.Row {
        Dedup.Row(
            match: match, state: state.dedup, messageID: messageID, payloadDigest: payloadDigest, source: source,
            detailType: detailType, resource: resource, history: history, failure: failure)
    }
}

extension Tables {
    /// The row that shares this identity with the request, the most telling one where several do. A row by event id is
    /// found even after its time, so that it is used again instead of doubled.
    func ledgerRow(_ match: Dedup.Row.Match, of request: ClaimRequest, at now: Instant) throws -> LedgerRow? {
        let consumer = Value.text(request.consumer.text)
        switch match {
        case .eventID:
            let id = request.event.id
            return try first(
                "SELECT * FROM ledger WHERE event = ? AND issuer = ? AND consumer = ?",
                [.text(id.text), .text(id.issuer), consumer], LedgerRow.init) ?? nil
        case .tokenDigest:
            guard let digest = request.event.tokenDigest else { return nil }
            return try first(
                "SELECT * FROM ledger WHERE token = ? AND consumer = ? AND keep_until > ? ORDER BY state LIMIT 1",
                [.digest(digest), consumer, .instant(now)], LedgerRow.init) ?? nil
        case .businessKey:
            guard let digest = request.businessKey else { return nil }
            return try first(
                """
                SELECT * FROM ledger WHERE business = ? AND handler = ? AND consumer = ? AND state = 0 \
                AND keep_until > ? LIMIT 1
                """,
                [.digest(digest), .text(request.handler.text), consumer, .instant(now)], LedgerRow.init) ?? nil
        }
    }

    /// True if the end of this claim, under this fence, is in the file.
    func isRecorded(_ claim: Claimed, fence: UInt64) throws -> Bool {
        let found = try first(
            "SELECT fence FROM ledger WHERE event = ? AND issuer = ? AND consumer = ?",
            [.text(claim.id.text), .text(claim.id.issuer), .text(claim.consumer.text)]
        ) { row in UInt64(bitPattern: row.integer(0)) }
        return found == fence
    }

    /// Records the end of a run, in the row that the claim found or in a new one.
    func record(_ claim: Claimed, _ commitment: Commitment) throws {
        if claim.wasDone, !commitment.verdict.isDone, try recount(claim, commitment) { return }
        let (state, failure): (LedgerRow.State, Failure?) =
            switch commitment.verdict {
            case .done: (.done, nil)
            case .retry(let failure): (.retry, failure)
            case .dead(let failure, _, _): (.dead, failure)
            }
        let history = commitment.history
        let values: [Value] = [
            .text(claim.consumer.text), .text(claim.id.issuer), .text(claim.id.text), .optional(claim.tokenDigest),
            .text(claim.handler.text), .optional(claim.businessKey), .digest(claim.payloadDigest),
            .text(claim.source), .text(claim.detailType), .text(claim.resource), .text(claim.messageID.text),
            .integer(state.rawValue), .number(history.attempts), .text(history.spent.counts),
            .number(history.strikes), .instant(history.firstSeen), .optional(failure?.code.rawValue),
            .optional(failure?.subject), .optional(failure?.cause), .instant(commitment.keepUntil),
            .bits(commitment.lease.fence), .number(commitment.generation), claim.row.map(Value.integer) ?? .null,
        ]
        let update: StaticString = """
            UPDATE ledger SET consumer = ?1, issuer = ?2, event = ?3, token = ?4, handler = ?5, business = ?6, \
            payload = ?7, source = ?8, detail_type = ?9, resource = ?10, message = ?11, state = ?12, attempts = ?13, \
            spent = ?14, strikes = ?15, first_seen = ?16, code = ?17, subject = ?18, cause = ?19, keep_until = ?20, \
            fence = ?21, generation = ?22 WHERE row = ?23
            """
        if claim.row != nil, try change(update, values) > 0 { return }
        try run(
            """
            INSERT INTO ledger (consumer, issuer, event, token, handler, business, payload, source, detail_type, \
            resource, message, state, attempts, spent, strikes, first_seen, code, subject, cause, keep_until, fence, \
            generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, Array(values.dropLast()))
        counters.statistics.ledger += 1
    }

    /// What was done stays so, though its run under a permit came to nothing: the row has that run's count and fence.
    /// - Returns: false if the row is gone, since its time was over.
    private func recount(_ claim: Claimed, _ commitment: Commitment) throws -> Bool {
        let history = commitment.history
        let count = try change(
            """
            UPDATE ledger SET attempts = ?, spent = ?, strikes = ?, first_seen = ?, \
            keep_until = max(keep_until, ?), fence = ? WHERE row = ?
            """,
            [
                .number(history.attempts), .text(history.spent.counts), .number(history.strikes),
                .instant(history.firstSeen), .instant(commitment.keepUntil), .bits(commitment.lease.fence),
                .integer(claim.row ?? 0),
            ])
        return count > 0
    }
}

extension Commitment.Verdict {
    var isDone: Bool { if case .done = self { true } else { false } }
}
