import CSQLite
import Events
import GRDB
import GRDBSQLite

/// The one connection to the database file, and the counters that move with its transactions.
///
/// After any error of SQLite the connection is good for nothing: its owner drops it and opens another, which finds
/// out from the file what was committed.
final class Connection {
    let path: String
    private let queue: DatabaseQueue
    /// `nil` when it is closed.
    private var statements: Statements?
    private(set) var counters: Counters
    private let durability: StoreOptions.Durability
    /// Whether a commit waits for the disk now.
    private var isSynchronous: Bool

    /// - Parameter previous: the counters of the connection that this one replaces; `nil` at the start of the process,
    ///   when the file is checked whole and a new boot begins.
    /// - Throws: `store.unavailable`, `store.full`, `store.newer`, `store.corrupt`.
    init(_ options: StoreOptions, after previous: Counters?) throws(Failure) {
        csqlite_count_no_memory()
        let path = options.path
        self.path = path
        durability = options.durability
        isSynchronous = options.durability == .durable
        // A file that went away is not made anew: an empty ledger would run everything again.
        try Volume.openPrivate(path, create: previous == nil)
        do {
            let queue = try DatabaseQueue(path: path, configuration: Self.configuration(options.durability))
            (counters, statements) = try queue.writeWithoutTransaction { db in
                let found = try Schema.inspect(db, at: path)
                let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
                guard mode == "wal" else { throw Failure(.storeUnavailable, path, "no write-ahead log here") }
                if previous == nil { try Self.check(db, at: path) }
                try Schema.upgrade(db, from: found)
                if options.durability == .ephemeral { try Schema.indexParents(db) }
                let counters = try Counters.load(db, boot: previous?.journal.boot)
                // GRDB listens for commits, on its own queue alone; here they are made on the store's thread.
                sqlite3_commit_hook(db.sqliteConnection, nil, nil)
                sqlite3_rollback_hook(db.sqliteConnection, nil, nil)
                return (counters, Statements(db))
            }
            self.queue = queue
        } catch {
            throw Self.failure(of: error, at: path)
        }
    }

    private static func configuration(_ durability: StoreOptions.Durability) -> Configuration {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(2)
        // A transaction that cannot even be rolled back is left to the closing of the connection.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA synchronous = \(durability == .durable ? "FULL" : "OFF")")
            try db.execute(sql: "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192")
        }
        return configuration
    }

    private static func check(_ db: Database, at path: String) throws {
        let findings = try String.fetchAll(db, sql: "PRAGMA quick_check(1)")
        guard findings == ["ok"] else {
            throw Failure(.storeCorrupt, path, findings.first ?? "the integrity check gave no answer")
        }
    }

    /// Reads in one transaction, so that all of `body` sees one state of the file.
    func read<T>(_ body: (Tables) throws -> T) throws(Failure) -> T {
        try use { statements in
            try statements.run("BEGIN", [])
            let value = try body(Tables(statements, counters))
            try statements.run("COMMIT", [])
            return value
        }
    }

    /// Looks something up, statement by statement: nobody else writes to the file.
    func look<T>(_ body: (Tables) throws -> T) throws(Failure) -> T {
        try use { statements in try body(Tables(statements, counters)) }
    }

    /// Writes in one transaction. When it throws, whether the transaction counts is known to the file alone.
    /// - Parameter waits: for the disk. What does not is lost by a crash of the machine until a later one has waited;
    ///   a crash of the process loses none of it (SQLite, PRAGMA synchronous, NORMAL in WAL mode).
    func write<T>(waits: Bool = true, _ body: (Tables) throws -> T) throws(Failure) -> T {
        if durability == .durable, waits != isSynchronous { try setSynchronous(waits) }
        return try use { statements in
            let tables = Tables(statements, counters)
            try statements.run("BEGIN IMMEDIATE", [])
            let value = try body(tables)
            try statements.run("COMMIT", [])
            counters = tables.counters
            return value
        }
    }

    private func setSynchronous(_ waits: Bool) throws(Failure) {
        try perform { db in try db.execute(sql: "PRAGMA synchronous = \(waits ? "FULL" : "NORMAL")") }
        isSynchronous = waits
    }

    /// Any use of the database that manages its own transactions.
    func perform<T>(_ body: (Database) throws -> T) throws(Failure) -> T {
        do { return try queue.writeWithoutTransaction(body) } catch { throw Self.failure(of: error, at: path) }
    }

    /// On the caller's own thread: one at a time is all that SQLite asks for (threadsafe.html, multi-thread), and the
    /// owner sees to it. GRDB's queue would be one more turn for each call.
    private func use<T>(_ body: (Statements) throws -> T) throws(Failure) -> T {
        guard let statements else { throw Failure(.storeUnavailable, path, "the connection is closed") }
        do { return try body(statements) } catch { throw Self.failure(of: error, at: path) }
    }

    /// Gives the file back: with nothing left in the write-ahead log, if that is possible.
    func close() {
        statements = nil
        try? queue.close()
    }

    static func failure(of error: any Error, at path: String) -> Failure {
        if let failure = error as? Failure { return failure }
        guard let error = error as? DatabaseError else { return Failure(.storeUnavailable, path, "\(type(of: error))") }
        let cause = "SQLite \(error.extendedResultCode.rawValue): \(error.message ?? "")"
        switch error.resultCode {
        case .SQLITE_FULL: return Failure(.storeFull, path, cause)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return Failure(.storeCorrupt, path, cause)
        default: return Failure(.storeUnavailable, path, cause)
        }
    }
}
