public import Events
public import Pipeline
import StoreCommon

// The journal of all sidecars. Each writes a chain of its own, without waiting for the others; a row gets its number
// when it is first asked for, behind all that have one.

extension PostgreSQLStore {
    /// - Parameters:
    ///   - mark: what the row hangs on.
    ///   - body: the payload, which is kept where the options say so.
    func append(_ entry: JournalEntry, _ mark: Value, _ body: Bytes?) -> Statement {
        let kept = options.keepsPayloads ? body.flatMap { $0.isEmpty ? nil : $0 } : nil
        return .row(
            "SELECT append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            [
                mark, .integer(boot), .bytes(JournalChain.fields(of: entry)), kept.map(Value.bytes) ?? .null,
                .instant(entry.time), .text(entry.outcome.rawValue), .text(entry.source), .text(entry.detailType),
                .text(entry.correlationID), .text(entry.event), .text(entry.message), .text(entry.resource),
                .text(entry.userID), .text(entry.publisher),
            ])
    }

    /// A row that hangs on nothing.
    func record(_ entry: JournalEntry) -> Part {
        Part(effects: [append(entry, Self.unmarked, nil)], rings: .journal)
    }

    /// Writes what operators and trials did into the journal. Throws `store.*`.
    public func record(_ entries: [JournalEntry]) async throws(Failure) {
        for answer in try await writer.perform(entries.map { record($0) }) { _ = try require(answer) }
        for entry in entries where entry.outcome == .discarded && !entry.event.isEmpty { try await free(behind: entry) }
    }

    /// Who discards the letter of an event gives up what stands behind it, too.
    private func free(behind entry: JournalEntry) async throws(Failure) {
        let groups = try await pool.ask(
            "SELECT message_group FROM parked WHERE event = $1 AND consumer = $2",
            [.text(entry.event), .text(entry.queue)])
        for group in groups {
            var freed = entry
            freed.outcome = .freed
            _ = try await free(group.text(0), of: QueueName(entry.queue), freed)
        }
    }

    /// Until every row that is committed has a number.
    func numberRows() async throws(Failure) {
        while true {
            let rows = try await pool.run { session throws(ServerFailure) in
                try session.run([Statement("SELECT number_rows($1)", [.number(Self.numberedAtOnce)])])
            }
            if rows.first?.first?.number(0) ?? 0 < Self.numberedAtOnce { return }
        }
    }

    private static let numberedAtOnce = 2_000
}

extension PostgreSQLStore: JournalReader {
    public func rows(_ query: JournalQuery) async throws(Failure) -> [JournalRow] {
        try await numberRows()
        var (conditions, values) = (["number > $1"], [Value.integer(query.after)])
        func add(_ condition: String, _ value: Value?) {
            guard let value else { return }
            values.append(value)
            conditions.append(condition.replacing("?", with: "$\(values.count)"))
        }
        add("correlation = ?", query.correlationID.map(Value.text))
        add("(event = ? OR message = ?)", query.event.map(Value.text))
        add("publisher = ?", query.parent.map(Value.text))
        add("resource = ?", query.resource.map(Value.text))
        add("\"user\" = ?", query.userID.map(Value.text))
        add("source = ?", query.source.map(Value.text))
        add("detail_type = ?", query.detailType.map(Value.text))
        add("outcome = ?", query.outcome.map { .text($0.rawValue) })
        add("time >= ?::bigint", query.since.map(Value.instant))
        add("time < ?::bigint", query.until.map(Value.instant))
        let count = min(max(query.atMost, 1), Limits.journalPage)
        let sql = """
            SELECT \(JournalRow.columns)\(query.withBodies ? ", body" : "") FROM journal \
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY number LIMIT \(count)
            """
        let asked = values
        let rows = try await pool.ask(sql, asked)
        var bytes = 0
        return rows.compactMap { row in
            guard var found = JournalRow(row) else { return nil }
            if query.withBodies, bytes < Limits.journalPageBytes, !row.isNull(4) {
                found.body = row.bytes(4)
                bytes += found.body?.count ?? 0
            }
            return found
        }
    }

    public func newest() async throws(Failure) -> Int64 {
        try await numberRows()
        return try await pool.ask("SELECT number FROM journal_end", []).first?.integer(0) ?? 0
    }

    public func growth() -> AsyncStream<Void> { signals.journalGrowth() }

    public func accounts(of event: String) async throws(Failure) -> [LedgerAccount] {
        let rows = try await pool.ask(
            """
            SELECT coalesce(c.consumer, l.consumer), coalesce(c.issuer, l.issuer), coalesce(c.handler, l.handler), \
            CASE WHEN c.fence IS NOT NULL THEN 3 ELSE l.state END::bigint, coalesce(c.attempts, l.attempts), \
            coalesce(c.strikes, l.strikes), coalesce(c.first_seen, l.first_seen), coalesce(l.keep_until, c.ends), \
            l.code, l.subject, l.cause \
            FROM (SELECT * FROM ledger WHERE event = $1) l FULL JOIN \
            (SELECT * FROM claims WHERE event = $1 AND ends > clock()) c \
            ON c.consumer = l.consumer AND c.issuer = l.issuer ORDER BY 1, 2 LIMIT 100
            """, [.text(event)])
        return rows.compactMap { row in
            guard let state = Known.State(rawValue: row.integer(3)) else { return nil }
            return LedgerAccount(
                consumer: QueueName(row.text(0)), id: EventID(issuer: row.text(1), text: event),
                handler: HandlerID(row.text(2)), state: state.account, attempts: row.number(4),
                strikes: row.number(5), firstSeen: row.instant(6), keepUntil: row.instant(7),
                failure: FailureCode(rawValue: row.text(8)).map { Failure($0, row.text(9), row.text(10)) })
        }
    }
}

extension LanePool {
    /// A statement of its own, not prepared.
    func ask(_ sql: String, _ values: [Value]) async throws(Failure) -> [Row] {
        try await run { session throws(ServerFailure) in try session.question(sql, values) }
    }
}

extension JournalRow {
    static let columns = "number, boot, hash, entry"

    /// `nil` for what no version wrote.
    /// - Parameter row: ``columns``.
    init?(_ row: Row) {
        guard let hash = row.digest(2), let entry = row.bytes(3).withUnsafeBytes(JournalRecord.read) else { return nil }
        self.init(number: row.integer(0), boot: row.integer(1), entry: entry, hash: hash)
    }
}
