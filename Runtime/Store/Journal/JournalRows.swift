import Events
import Pipeline
import StoreCommon

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
