public import Events
import Cryptography
import GRDB

/// One row of the journal, without its place in the chain.
public struct JournalEntry: Sendable, Hashable {
    public enum Kind: String, Sendable { case event, refusal, publication, trial }
    public enum Outcome: String, Sendable { case done, retry, dead, refused, sent, gaveUp = "gave-up"
        /// What was decided of a handler's second build.
        case promoted, rolledBack = "rolled-back"
    }

    public let time: Instant
    public let kind: Kind
    /// The consumer; empty for a publication.
    public let queue: String
    /// Issuer and id of an event. A refused message has no event: its message id, and no issuer.
    public let issuer: String
    public let event: String
    public let correlationID: String
    public let resource: String
    public let source: String
    public let detailType: String
    /// Where it failed: the area of `code`; empty where nothing did.
    public let stage: String
    public let outcome: Outcome
    public let code: String
    public let handler: String
    public let generation: Int
    public let attempt: Int
}

/// A journal row in its place.
public struct JournalRow: Sendable, Hashable {
    /// Ascending over the life of the store, without gaps.
    public let number: Int64
    /// The boot of the writer; store id and boot name one chain.
    public let boot: Int64
    public let entry: JournalEntry
    /// SHA-256 of the hash before and this row; see ``JournalHead``.
    public let hash: Digest
}

/// The end of the journal: what the next row is chained to.
///
/// hash(n) = SHA-256(hash(n-1), number, boot, and each field of the row, each preceded by its length). A writer's chain
/// begins with SHA-256("outrigger.journal/1", store id, boot, the last hash of the writer before).
struct JournalHead {
    var number: Int64
    let boot: Int64
    var hash: Digest

    func next(_ entry: JournalEntry) -> JournalHead {
        var hash = StableHash()
        hash.add(self.hash)
        hash.add(number + 1)
        hash.add(boot)
        hash.add(entry.time.unixMilliseconds)
        for text in [
            entry.kind.rawValue, entry.queue, entry.issuer, entry.event, entry.correlationID, entry.resource,
            entry.source, entry.detailType, entry.stage, entry.outcome.rawValue, entry.code, entry.handler,
        ] { hash.add(text) }
        hash.add(Int64(entry.generation))
        hash.add(Int64(entry.attempt))
        return JournalHead(number: number + 1, boot: boot, hash: hash.finish())
    }

    /// - Parameter boot: the boot that goes on; `nil` begins the next one, durably, with a chain of its own.
    static func load(_ db: Database, boot: Int64?) throws -> JournalHead {
        let statements = Statements(db)
        var number: Int64 = 0
        var writer: Int64 = 0
        var last = Hash.sha256([])
        try statements.each("SELECT number, boot, hash FROM journal ORDER BY number DESC LIMIT 1", []) { row in
            (number, writer, last) = (row.integer(0), row.integer(1), row.digest(2) ?? last)
            return true
        }
        if let boot {
            guard try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'boot'") == boot else {
                throw Failure(.storeUnavailable, "boot \(boot)", "the file is not the one that was opened")
            }
            if writer != boot {
                try statements.each("SELECT genesis FROM writers WHERE boot = ?", [.integer(boot)]) { row in
                    last = row.digest(0) ?? last
                    return true
                }
            }
            return JournalHead(number: number, boot: boot, hash: last)
        }
        return try begin(db, statements, after: number, last)
    }

    private static func begin(
        _ db: Database, _ statements: Statements, after number: Int64, _ last: Digest
    ) throws -> JournalHead {
        var head: JournalHead?
        try db.inTransaction(.immediate) {
            try db.execute(sql: "INSERT OR IGNORE INTO meta VALUES ('store', lower(hex(randomblob(16)))), ('boot', 0)")
            try db.execute(sql: "UPDATE meta SET value = value + 1 WHERE key = 'boot'")
            let store = try String.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'store'") ?? ""
            let boot = try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'boot'") ?? 1
            let genesis = genesis(store: store, boot: boot, after: last)
            try statements.run(
                "INSERT INTO writers VALUES (?, ?, ?)", [.integer(boot), .digest(genesis), .integer(number + 1)])
            head = JournalHead(number: number, boot: boot, hash: genesis)
            return .commit
        }
        return head ?? JournalHead(number: number, boot: 1, hash: last)
    }

    static func genesis(store: String, boot: Int64, after last: Digest) -> Digest {
        var hash = StableHash()
        hash.add("outrigger.journal/1")
        hash.add(store)
        hash.add(boot)
        hash.add(last)
        return hash.finish()
    }
}

extension Tables {
    func append(_ entry: JournalEntry) throws {
        let head = counters.journal.next(entry)
        try run(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .integer(head.number), .integer(head.boot), .instant(entry.time), .text(entry.kind.rawValue),
                .text(entry.queue), .text(entry.issuer), .text(entry.event), .text(entry.correlationID),
                .text(entry.resource), .text(entry.source), .text(entry.detailType), .text(entry.stage),
                .text(entry.outcome.rawValue), .text(entry.code), .text(entry.handler), .number(entry.generation),
                .number(entry.attempt), .digest(head.hash),
            ])
        counters.journal = head
        counters.statistics.journal += 1
    }

    func journal(after number: Int64, atMost count: Int) throws -> [JournalRow] {
        try all(
            "SELECT * FROM journal WHERE number > ? ORDER BY number LIMIT ?", [.integer(number), .number(count)]
        ) { row in
            guard let kind = JournalEntry.Kind(rawValue: row.text(3)), let hash = row.digest(17),
                let outcome = JournalEntry.Outcome(rawValue: row.text(12))
            else { return nil }
            let entry = JournalEntry(
                time: row.instant(2), kind: kind, queue: row.text(4), issuer: row.text(5), event: row.text(6),
                correlationID: row.text(7), resource: row.text(8), source: row.text(9), detailType: row.text(10),
                stage: row.text(11), outcome: outcome, code: row.text(13), handler: row.text(14),
                generation: row.number(15), attempt: row.number(16))
            return JournalRow(number: row.integer(0), boot: row.integer(1), entry: entry, hash: hash)
        }.compactMap { $0 }
    }

    /// Removes the oldest rows, never the newest one: the chain and the numbers go on from it.
    func pruneJournal(before time: Instant, atMost count: Int) throws -> Int {
        func number(_ row: Columns) -> Int64? { row.isNull(0) ? nil : row.integer(0) }
        guard let oldest = try first("SELECT min(number) FROM journal", [], number) ?? nil else { return 0 }
        let end = oldest + Int64(count)
        let kept = try first(
            "SELECT min(number) FROM journal WHERE number >= ? AND number < ? AND time >= ?",
            [.integer(oldest), .integer(end), .instant(time)], number) ?? nil
        return try change(
            "DELETE FROM journal WHERE number < ?", [.integer(min(kept ?? end, counters.journal.number))])
    }
}
