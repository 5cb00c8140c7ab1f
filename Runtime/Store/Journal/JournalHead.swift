import Cryptography
import Events
import GRDB
import StoreCommon

/// The end of the journal: what the next row is chained to, by the formulas of ``JournalChain``.
struct JournalHead {
    /// Names the chain together with the boot.
    let store: String
    var number: Int64
    let boot: Int64
    var hash: Digest

    /// The place of the row that comes next.
    var next: (number: Int64, boot: Int64, after: Digest) { (number + 1, boot, hash) }

    /// - Parameter boot: the boot that goes on; `nil` begins the next one, durably, with a chain of its own.
    static func load(_ db: Database, boot: Int64?) throws -> JournalHead {
        let statements = Statements(db)
        var (number, writer, last) = (Int64(0), Int64(0), Hash.sha256([]))
        // Where retention has left no row, the newest head is the end.
        try statements.each(
            """
            SELECT number, boot, hash FROM (SELECT number, boot, hash FROM journal ORDER BY number DESC LIMIT 1) \
            UNION ALL SELECT * FROM (SELECT number, boot, hash FROM heads ORDER BY number DESC LIMIT 1) \
            ORDER BY number DESC LIMIT 1
            """, []
        ) { row in
            (number, writer, last) = (row.integer(0), row.integer(1), row.digest(2) ?? last)
            return true
        }
        guard let boot else { return try begin(db, statements, after: number, last) }
        guard try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'boot'") == boot else {
            throw Failure(.storeUnavailable, "boot \(boot)", "the file is not the one that was opened")
        }
        if writer != boot {
            try statements.each("SELECT genesis FROM writers WHERE boot = ?", [.integer(boot)]) { row in
                last = row.digest(0) ?? last
                return true
            }
        }
        let store = try String.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'store'") ?? ""
        return JournalHead(store: store, number: number, boot: boot, hash: last)
    }

    private static func begin(
        _ db: Database, _ statements: Statements, after number: Int64, _ last: Digest
    ) throws -> JournalHead {
        var (store, boot, start) = ("", Int64(1), last)
        try db.inTransaction(.immediate) {
            try db.execute(sql: "INSERT OR IGNORE INTO meta VALUES ('store', lower(hex(randomblob(16)))), ('boot', 0)")
            try db.execute(sql: "UPDATE meta SET value = value + 1 WHERE key = 'boot'")
            store = try String.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'store'") ?? ""
            boot = try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'boot'") ?? 1
            start = JournalChain.genesis(store: store, boot: boot, after: last)
            // A writer that wrote nothing has no chain to begin.
            try statements.run("DELETE FROM writers WHERE first > ?", [.integer(number)])
            try statements.run(
                "INSERT INTO writers VALUES (?, ?, ?)", [.integer(boot), .digest(start), .integer(number + 1)])
            return .commit
        }
        return JournalHead(store: store, number: number, boot: boot, hash: start)
    }
}
