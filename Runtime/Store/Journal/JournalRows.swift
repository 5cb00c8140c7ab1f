import Events
import Pipeline

// Rows on their way in and out: the table's columns, in order, stand here twice and in the schema.

extension Tables {
    /// - Parameter body: what the row keeps of the payload; `nil` or nothing keeps none.
    func append(_ entry: JournalEntry, body: Bytes? = nil) throws {
        let head = counters.journal.next(entry)
        try run(
            """
            INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \
            ?, ?, ?, ?, ?)
            """,
            [
                .integer(head.number), .instant(entry.time), .text(entry.outcome.rawValue), .text(entry.source),
                .text(entry.detailType), .text(entry.correlationID), .text(entry.event), .text(entry.message),
                .text(entry.resource), .text(entry.userID), .text(entry.kind.rawValue),
                .text(entry.direction.rawValue), .text(entry.queue), .text(entry.issuer), .text(entry.parent),
                .text(entry.tenantID), .text(entry.keyID), .text(entry.stage), .text(entry.code), .text(entry.cause),
                .text(entry.handler), .number(entry.generation), .number(entry.attempt), .number(entry.deliveries),
                .optional(entry.sentAt), .optional(entry.waited), .optional(entry.took), .optional(entry.retryAt),
                .optional(entry.payload), .integer(head.boot), .digest(head.hash),
            ])
        if let body, !body.isEmpty {
            try run("INSERT INTO journal_bodies VALUES (?, ?)", [.integer(head.number), .bytes(body)])
        }
        counters.journal = head
        counters.journalBytes += Int64(entry.size + (body?.count ?? 0))
        counters.journalKeys += JournalKey.keys(of: entry, number: head.number)
        counters.statistics.journal += 1
    }
}

extension JournalRow {
    /// - Parameter row: all columns, in the order of the table.
    init?(_ row: Columns) {
        guard let outcome = JournalEntry.Outcome(rawValue: row.text(2)),
            let kind = JournalEntry.Kind(rawValue: row.text(10)),
            let direction = JournalEntry.Direction(rawValue: row.text(11)), let hash = row.digest(30)
        else { return nil }
        var entry = JournalEntry(time: row.instant(1), kind: kind, direction: direction, outcome: outcome)
        entry.source = row.text(3)
        entry.detailType = row.text(4)
        entry.correlationID = row.text(5)
        entry.event = row.text(6)
        entry.message = row.text(7)
        entry.resource = row.text(8)
        entry.userID = row.text(9)
        entry.queue = row.text(12)
        entry.issuer = row.text(13)
        entry.parent = row.text(14)
        entry.tenantID = row.text(15)
        entry.keyID = row.text(16)
        entry.stage = row.text(17)
        entry.code = row.text(18)
        entry.cause = row.text(19)
        entry.handler = row.text(20)
        entry.generation = row.number(21)
        entry.attempt = row.number(22)
        entry.deliveries = row.number(23)
        entry.sentAt = row.isNull(24) ? nil : row.instant(24)
        entry.waited = row.isNull(25) ? nil : .microseconds(row.integer(25))
        entry.took = row.isNull(26) ? nil : .microseconds(row.integer(26))
        entry.retryAt = row.isNull(27) ? nil : row.instant(27)
        entry.payload = row.digest(28)
        self.init(number: row.integer(0), boot: row.integer(29), entry: entry, hash: hash)
    }
}

extension JournalEntry {
    /// What the row takes in the file, with its place in the index, roughly.
    var size: Int {
        let texts = source.utf8.count + detailType.utf8.count + correlationID.utf8.count + event.utf8.count
            + message.utf8.count + resource.utf8.count + userID.utf8.count + queue.utf8.count + issuer.utf8.count
            + parent.utf8.count
        return 256 + texts + tenantID.utf8.count + keyID.utf8.count + cause.utf8.count
    }

    // MARK: - what happened to an event

    init(_ outcome: Outcome, of claim: Claimed, at now: Instant) {
        self.init(time: now, kind: .event, direction: .incoming, outcome: outcome)
        queue = claim.consumer.text
        handler = claim.handler.text
        if !claim.isTimer {
            message = claim.messageID.text
            sentAt = claim.sentAt
        }
        issuer = claim.id.issuer
        event = claim.id.text
        source = claim.source
        detailType = claim.detailType
        resource = claim.resource
        keyID = claim.keyID
        payload = claim.payloadDigest
        take(claim.trace)
    }

    /// The event was done before, as `original`.
    init(duplicate request: ClaimRequest, of original: String, at now: Instant) {
        let event = request.event
        self.init(time: now, kind: .event, direction: .incoming, outcome: .duplicate)
        queue = request.consumer.text
        handler = request.handler.text
        if !event.isTimer {
            message = request.messageID.text
            sentAt = request.sentAt
            deliveries = request.deliveries
        }
        parent = original
        take(event)
    }

    init(_ refusal: Refusal, at now: Instant) {
        self.init(
            time: now, kind: refusal.verified == nil ? .refusal : .event, direction: .incoming, outcome: .refused)
        queue = refusal.consumer.text
        if refusal.verified?.event.isTimer != true {
            message = refusal.messageID.text
            sentAt = refusal.sentAt
            deliveries = refusal.deliveries
        }
        if let verified = refusal.verified {
            handler = verified.handler?.text ?? ""
            generation = verified.generation
            attempt = verified.attempts
            take(verified.event)
        }
        take(refusal.failure)
    }

    private mutating func take(_ event: Event) {
        issuer = event.id.issuer
        self.event = event.id.text
        source = event.source
        detailType = event.detailType
        resource = event.resource
        keyID = event.keyID
        payload = event.payloadDigest
        take(event.trace)
    }

    mutating func take(_ failure: Failure?) {
        guard let failure else { return }
        stage = failure.code.area
        code = failure.code.rawValue
        cause = failure.cause
    }

    mutating func take(_ trace: Event.Trace) {
        correlationID = trace.correlationID
        tenantID = trace.tenantID
        userID = trace.userID
    }
}
