import Events
import GRDB

/// The tables, version by version. A step is never changed once it was released: a new one is added behind it.
///
/// `PRAGMA user_version` counts the steps that a file has seen; `application_id` says that the file is a store at all.
enum Schema {
    /// "OUTR", read as a big-endian number.
    static let applicationID = 0x4F55_5452
    static var version: Int { steps.count }

    /// The number of steps that the file has seen. Nothing is changed in a file that is not ours.
    ///
    /// - Throws: `store.newer`, `store.corrupt`, or what SQLite says.
    static func inspect(_ db: Database, at path: String) throws -> Int {
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let owner = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
        guard owner == applicationID || (owner == 0 && tables == 0) else {
            throw Failure(.storeCorrupt, path, "the file is no store")
        }
        guard found <= version else {
            throw Failure(.storeNewer, path, "schema \(found), this version knows \(version)")
        }
        return found
    }

    static func upgrade(_ db: Database, from found: Int) throws {
        guard found < version else { return }
        try db.inTransaction(.immediate) {
            for step in steps[found...] { try db.execute(sql: step) }
            try db.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(version)")
            return .commit
        }
    }

    /// Deletes and answers wait for the bus in an ephemeral store alone: only there publications are looked up by their
    /// event, and those from outside by their own id.
    static func indexParents(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE INDEX IF NOT EXISTS outbox_parent ON outbox (parent);
                CREATE INDEX IF NOT EXISTS publications_parent ON publications (parent);
                CREATE INDEX IF NOT EXISTS outbox_id ON outbox (id) WHERE parent = '';
                CREATE INDEX IF NOT EXISTS publications_id ON publications (id) WHERE parent = '';
                """)
    }

    private static let steps = [first]

    private static let first = """
        CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

        -- One row per event identity and consumer. keys: 64 bits of an identity's hash, and the row; those of the
        -- newest rows are not in it, but in memory (meta, indexed).
        CREATE TABLE ledger (row INTEGER PRIMARY KEY, keep_until INTEGER NOT NULL, entry BLOB NOT NULL) STRICT;
        CREATE TABLE ledger_keys (key INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (key, row))
            STRICT, WITHOUT ROWID;
        -- Blocks of rows, and when the first row of each may go; the newest block's is in memory.
        CREATE TABLE ledger_blocks (block INTEGER PRIMARY KEY, keep_until INTEGER NOT NULL) STRICT;
        CREATE INDEX ledger_blocks_keep ON ledger_blocks (keep_until);
        -- FIFO groups that stand behind an event which failed for good.
        CREATE TABLE parked (
            row INTEGER PRIMARY KEY, consumer TEXT NOT NULL, message_group TEXT NOT NULL, issuer TEXT NOT NULL,
            event TEXT NOT NULL, time INTEGER NOT NULL, keep_until INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX parked_group ON parked (message_group, consumer);
        -- An operator's word that an event may run once more. begun: its run is to be tried again.
        CREATE TABLE permits (
            row INTEGER PRIMARY KEY, consumer TEXT NOT NULL, event TEXT NOT NULL, until INTEGER NOT NULL,
            begun INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX permits_event ON permits (event, consumer);

        CREATE TABLE state (
            row INTEGER PRIMARY KEY, handler TEXT NOT NULL, key BLOB NOT NULL, version INTEGER NOT NULL,
            expires INTEGER, value BLOB NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX state_key ON state (handler, key);
        CREATE INDEX state_expires ON state (expires) WHERE expires IS NOT NULL;

        -- head: the oldest row of its resource; a row without a resource is always one.
        CREATE TABLE outbox (
            row INTEGER PRIMARY KEY, head INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL,
            committed INTEGER NOT NULL, bytes INTEGER NOT NULL, id TEXT NOT NULL, parent TEXT NOT NULL,
            handler TEXT NOT NULL, source TEXT NOT NULL, detail_type TEXT NOT NULL, resource TEXT NOT NULL,
            correlation TEXT NOT NULL, trace BLOB NOT NULL, attributes BLOB NOT NULL, detail BLOB NOT NULL
        ) STRICT;
        CREATE INDEX outbox_heads ON outbox (row, due) WHERE head = 1;
        CREATE INDEX outbox_resource ON outbox (resource, row) WHERE resource <> '';

        CREATE TABLE timers (
            row INTEGER PRIMARY KEY, handler TEXT NOT NULL, key BLOB NOT NULL, due INTEGER NOT NULL,
            tries INTEGER NOT NULL, event TEXT NOT NULL UNIQUE, correlation TEXT NOT NULL, detail BLOB NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX timers_key ON timers (handler, key);
        CREATE INDEX timers_due ON timers (due);
        CREATE INDEX timers_tries ON timers (tries, due);

        -- Verdicts on messages that were never verified, and the dead letters that have no queue to go to.
        CREATE TABLE refusals (
            row INTEGER PRIMARY KEY, queue TEXT NOT NULL, message TEXT NOT NULL, code TEXT NOT NULL,
            subject TEXT NOT NULL, cause TEXT NOT NULL, time INTEGER NOT NULL, keep_until INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX refusals_message ON refusals (queue, message);
        CREATE INDEX refusals_keep ON refusals (keep_until);
        CREATE TABLE letters (
            row INTEGER PRIMARY KEY, queue TEXT NOT NULL, message TEXT NOT NULL, time INTEGER NOT NULL,
            failure TEXT NOT NULL, short_failure TEXT NOT NULL, message_group TEXT, deduplication TEXT NOT NULL,
            attributes BLOB NOT NULL, body BLOB NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX letters_message ON letters (queue, message);
        CREATE TABLE publications (
            row INTEGER PRIMARY KEY, time INTEGER NOT NULL, code TEXT NOT NULL, subject TEXT NOT NULL,
            cause TEXT NOT NULL, attempts INTEGER NOT NULL, committed INTEGER NOT NULL, id TEXT NOT NULL,
            parent TEXT NOT NULL, handler TEXT NOT NULL, source TEXT NOT NULL, detail_type TEXT NOT NULL,
            resource TEXT NOT NULL, correlation TEXT NOT NULL, trace BLOB NOT NULL, attributes BLOB NOT NULL,
            detail BLOB NOT NULL
        ) STRICT;

        -- Requests of the service next door by the names that it gave them, and the ids of the events that they became.
        CREATE TABLE submissions (
            row INTEGER PRIMARY KEY, peer TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, ids BLOB NOT NULL,
            keep_until INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX submissions_key ON submissions (key, peer);
        CREATE INDEX submissions_keep ON submissions (keep_until);

        -- One chain of hashes per writer; number has no gaps over all of them. entry: what hash was made of.
        CREATE TABLE journal (
            number INTEGER PRIMARY KEY, boot INTEGER NOT NULL, hash BLOB NOT NULL, entry BLOB NOT NULL
        ) STRICT;
        CREATE TABLE journal_bodies (number INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
        -- The journal's index: block of rows, hash of what is looked up, row, in one number.
        CREATE TABLE journal_keys (key INTEGER PRIMARY KEY) STRICT;
        -- Where a writer's chain begins: the first hash is made from the store, the boot and the last hash before.
        CREATE TABLE writers (boot INTEGER PRIMARY KEY, genesis BLOB NOT NULL, first INTEGER NOT NULL) STRICT;
        -- Sealed heads: the row's hash, and since when rows are kept. closes: it ends a segment. total: bytes so far.
        CREATE TABLE heads (
            number INTEGER PRIMARY KEY, boot INTEGER NOT NULL, hash BLOB NOT NULL, first INTEGER NOT NULL,
            time INTEGER NOT NULL, closes INTEGER NOT NULL, total INTEGER NOT NULL, key TEXT NOT NULL,
            signature BLOB NOT NULL
        ) STRICT;
        """
}
