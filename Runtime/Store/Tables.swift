import Events
import GRDB

/// What one transaction works on. Each table's statements stand in an extension in the file of its noun.
final class Tables {
    let statements: Statements
    var counters: Counters

    init(_ statements: Statements, _ counters: Counters) {
        self.statements = statements
        self.counters = counters
        self.counters.wroteOutbox = false
        self.counters.changedTimers = false
        self.counters.publicationsEnded.removeAll(keepingCapacity: true)
        self.counters.journalKeys.removeAll(keepingCapacity: true)
        self.counters.ledgerKeys.removeAll(keepingCapacity: true)
        self.counters.lostLedgerKeys.removeAll(keepingCapacity: true)
    }

    /// Runs `body` in a savepoint: an error that leaves the transaction alive undoes `body`, and nothing else.
    ///
    /// - Throws: what `body` threw.
    func savepoint<T>(_ body: () throws -> T) throws -> T {
        let saved = counters
        try run("SAVEPOINT one")
        do {
            let value = try body()
            try run("RELEASE one")
            return value
        } catch {
            guard statements.isInsideTransaction else { throw error }
            counters = saved
            try run("ROLLBACK TO one")
            try run("RELEASE one")
            throw error
        }
    }

    func run(_ sql: StaticString, _ values: [Value] = []) throws { try statements.run(sql, values) }

    /// The number of rows that the statement changed.
    func change(_ sql: StaticString, _ values: [Value]) throws -> Int { try statements.run(sql, values) }

    /// The first row, decoded while the statement stands on it.
    func first<T>(_ sql: StaticString, _ values: [Value], _ decode: (Columns) throws -> T) throws -> T? {
        var found: T?
        try statements.each(sql, values) { row in
            found = try decode(row)
            return false
        }
        return found
    }

    func first<T>(_ sql: StaticString, _ key: Int64, _ decode: (Columns) throws -> T) throws -> T? {
        try statements.first(sql, key, decode)
    }

    func numbers(_ sql: StaticString, _ key: Int64) throws -> [Int64] { try statements.numbers(sql, key) }

    func all<T>(_ sql: StaticString, _ values: [Value], _ decode: (Columns) throws -> T) throws -> [T] {
        var found: [T] = []
        try statements.each(sql, values) { row in
            found.append(try decode(row))
            return true
        }
        return found
    }
}

/// What the store counts in memory because counting it in the file would cost a scan. A value: a transaction works on
/// a copy, which replaces the original when it is committed.
struct Counters {
    var statistics = StoreStatistics()
    var outboxBytes = 0
    var nextOutboxRow: Int64 = 1
    /// Never one that was used before: the index may still have it.
    var nextLedgerRow: Int64 = 1
    var ledgerBlock = LedgerBlock(number: 0)
    var journal: JournalHead
    var segments = Segments()
    /// Bytes of all rows that the journal ever had.
    var journalBytes: Int64 = 0
    /// The index keys of the rows of this transaction.
    var journalKeys: [Int64] = []
    var ledgerKeys: [(key: Int64, row: Int64)] = []
    /// Those of rows that it removed.
    var lostLedgerKeys: [(key: Int64, row: Int64)] = []
    /// Set by a transaction that wrote outbox rows, or set or moved timers.
    var wroteOutbox = false
    var changedTimers = false
    /// The parents of publications that left the outbox in this transaction; of those from outside, their own ids.
    var publicationsEnded: [String] = []

    /// - Parameter boot: the boot that goes on after a reopening, or `nil` for the start of a new one.
    static func load(_ db: Database, boot: Int64?) throws -> Counters {
        var statistics = StoreStatistics()
        func count(_ table: String) throws -> Int { try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)") ?? 0 }
        statistics.ledger = try count("ledger")
        statistics.state = try count("state")
        statistics.outbox = try count("outbox")
        statistics.timers = try count("timers")
        statistics.letters = try count("letters")
        statistics.refusals = try count("refusals")
        statistics.publications = try count("publications")
        statistics.submissions = try count("submissions")
        statistics.parked = try count("parked")
        statistics.permits = try count("permits")
        statistics.journal = try count("journal")
        var counters = Counters(statistics: statistics, journal: try JournalHead.load(db, boot: boot))
        let statements = Statements(db)
        counters.segments = try Segments.load(statements)
        counters.journalBytes = try Segments.total(statements)
        counters.outboxBytes = try Int.fetchOne(db, sql: "SELECT coalesce(sum(bytes), 0) FROM outbox") ?? 0
        for table in ["outbox", "publications"] {
            let last = try Int64.fetchOne(db, sql: "SELECT max(row) FROM \(table)") ?? 0
            counters.nextOutboxRow = max(counters.nextOutboxRow, last + 1)
        }
        let rows = """
            SELECT max(coalesce((SELECT max(row) FROM ledger), 0), \
            coalesce((SELECT value FROM meta WHERE key = 'indexed'), 0))
            """
        counters.nextLedgerRow = try (Int64.fetchOne(db, sql: rows) ?? 0) + 1
        counters.ledgerBlock = try Tables.newestBlock(statements, next: counters.nextLedgerRow)
        counters.wroteOutbox = statistics.outbox > 0
        counters.changedTimers = statistics.timers > 0
        return counters
    }
}
