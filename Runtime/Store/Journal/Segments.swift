public import Events
import Pipeline
import StoreCommon

/// How long the journal is kept, how often its head is sealed, and what it keeps of payloads.
public struct JournalOptions: Sendable {
    public var keep: Duration
    /// Bytes that rows and payloads may take, roughly; `nil` for no limit but time.
    public var size: Int?
    /// Rows after which a segment is closed: what retention removes at once.
    public var segment: Int
    /// How long a row waits for a head at most.
    public var seal: Duration
    public var keepsPayloads: Bool

    public init(
        keep: Duration = .days(30), size: Int? = nil, segment: Int = 1_000, seal: Duration = .minutes(1),
        keepsPayloads: Bool = false
    ) {
        self.keep = keep
        self.size = size
        self.segment = segment
        self.seal = seal
        self.keepsPayloads = keepsPayloads
    }
}

/// The heads in short: what sealing and retention go by.
struct Segments {
    /// The newest head; number 0 before the first.
    var head: (number: Int64, time: Instant) = (0, .distantPast)
    /// The newest one that closed a segment.
    var closing: (number: Int64, total: Int64) = (0, 0)
    /// The oldest row that is kept, as the newest head says.
    var first: Int64 = 1
}

extension Tables {
    /// Sealed for one of these: a segment's rows, time, rows that may go.
    ///
    /// Rows are removed only behind a head that says so, so that a journal whose beginning is missing cannot pass for
    /// one that was kept.
    /// - Parameter force: for any row that no head covers.
    func headToSeal(_ options: JournalOptions, force: Bool, at now: Instant) throws -> UnsealedHead? {
        let segments = counters.segments
        let (number, total) = (counters.journal.number, counters.journalBytes)
        guard number > 0 else { return nil }
        let first = try max(segments.first, cut(options, total: total, at: now) + 1)
        let rows = number - segments.head.number
        let isDue = rows >= options.segment || (rows > 0 && (force || now - segments.head.time >= options.seal))
        guard isDue || first > segments.first else { return nil }
        let statement = HeadStatement(
            store: counters.journal.store, boot: counters.journal.boot, number: number, hash: counters.journal.hash,
            first: first, time: now)
        let closes = try number == first - 1 || closes(segments, options, at: now)
        return UnsealedHead(statement: statement, closes: closes, total: total)
    }

    /// Full, old or large: each a small part of what is kept, so that little is kept for longer than it should be.
    private func closes(_ segments: Segments, _ options: JournalOptions, at now: Instant) throws -> Bool {
        let rows = counters.journal.number - segments.closing.number
        if rows >= options.segment { return true }
        if let size = options.size, counters.journalBytes - segments.closing.total >= size / 16 { return rows > 0 }
        let oldest = try self.first(
            "SELECT entry FROM journal WHERE number > ? ORDER BY number LIMIT 1", segments.closing.number
        ) { JournalRecord.Front($0.buffer(0)).time }
        return oldest.map { $0 <= now - options.keep / 32 } ?? false
    }

    /// The newest head whose rows, and all before, may go; 0 for none.
    private func cut(_ options: JournalOptions, total: Int64, at now: Instant) throws -> Int64 {
        let aged = try first(
            "SELECT number FROM heads WHERE closes = 1 AND time <= ? ORDER BY number DESC LIMIT 1",
            [.instant(now - options.keep)]
        ) { $0.integer(0) }
        guard let size = options.size, total > size else { return aged ?? 0 }
        let fitting = try first(
            "SELECT number FROM heads WHERE closes = 1 AND total >= ? ORDER BY number LIMIT 1",
            [.integer(total - Int64(size))]
        ) { $0.integer(0) }
        return max(aged ?? 0, fitting ?? counters.segments.closing.number)
    }

    /// - Parameter signature: `nil` where there is no key.
    func seal(_ head: UnsealedHead, _ signature: HeadSignature?) throws {
        let statement = head.statement
        try run(
            "INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .integer(statement.number), .integer(statement.boot), .digest(statement.hash),
                .integer(statement.first), .instant(statement.time), .integer(head.closes ? 1 : 0),
                .integer(head.total), .text(signature?.keyID ?? ""), .bytes((signature?.bytes ?? [])[...]),
            ])
        // What a newer head says holds for the ones before, unless it is worth less.
        try run(
            "DELETE FROM heads WHERE closes = 0 AND number < ?1 AND (key = '' OR ?2 = 1)",
            [.integer(statement.number), .integer(signature == nil ? 0 : 1)])
        counters.segments.head = (statement.number, statement.time)
        counters.segments.first = max(counters.segments.first, statement.first)
        if head.closes { counters.segments.closing = (statement.number, head.total) }
    }

    /// Removes rows that the newest head gives up, and all that hangs on them; the last head before the rows that stay
    /// stays, too: their chain goes on from it.
    func pruneJournal(atMost count: Int) throws -> Int {
        let kept = counters.segments.first
        let oldest = try first("SELECT min(number) FROM journal", []) { $0.isNull(0) ? nil : $0.integer(0) } ?? nil
        guard let oldest, oldest < kept else { return 0 }
        let end = Value.integer(min(kept, oldest + Int64(count)))
        let removed = try change("DELETE FROM journal WHERE number < ?", [end])
        try run("DELETE FROM journal_bodies WHERE number < ?", [end])
        try run("DELETE FROM heads WHERE number < ?", [.integer(min(kept, oldest + Int64(count)) - 1)])
        try run(
            "DELETE FROM journal_keys WHERE key IN (SELECT key FROM journal_keys WHERE key < ? ORDER BY key LIMIT ?)",
            [
                .integer(JournalKey.make(number: JournalKey.start(of: min(kept, oldest + Int64(count))), hash: 0)),
                .number(8 * count),
            ])
        try run(
            """
            DELETE FROM writers WHERE boot < (SELECT boot FROM heads ORDER BY number LIMIT 1) \
            AND boot < (SELECT boot FROM journal ORDER BY number LIMIT 1)
            """)
        counters.statistics.journal -= removed
        return removed
    }
}

extension Segments {
    static func load(_ statements: Statements) throws -> Segments {
        var segments = Segments()
        try statements.each("SELECT number, time, first FROM heads ORDER BY number DESC LIMIT 1", []) { row in
            segments.head = (row.integer(0), row.instant(1))
            segments.first = row.integer(2)
            return false
        }
        try statements.each(
            "SELECT number, total FROM heads WHERE closes = 1 ORDER BY number DESC LIMIT 1", []
        ) { row in
            segments.closing = (row.integer(0), row.integer(1))
            return false
        }
        return segments
    }

    /// The bytes of all rows so far: the newest head's, and those behind it, as ``Tables/append(_:body:)`` counts them.
    static func total(_ statements: Statements) throws -> Int64 {
        var total: Int64 = 0
        try statements.each(
            """
            SELECT coalesce((SELECT total FROM heads ORDER BY number DESC LIMIT 1), 0) \
            + coalesce((SELECT sum(?1 + length(entry)) FROM journal WHERE number > n), 0) \
            + coalesce((SELECT sum(length(body)) FROM journal_bodies WHERE number > n), 0) \
            FROM (SELECT coalesce(max(number), 0) AS n FROM heads)
            """, [.integer(Tables.journalOverhead)]
        ) { row in
            total = row.integer(0)
            return false
        }
        return total
    }
}
