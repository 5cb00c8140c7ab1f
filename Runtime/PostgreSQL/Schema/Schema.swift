import Events

/// The tables and functions, version by version. A step is never changed once it was released: a new one is added
/// behind it.
///
/// All stand in one schema of the database, so that several services share a server, and even a database, without
/// meeting. `meta` says how many steps it has seen.
enum Schema {
    static var version: Int { steps.count }

    static let steps = [
        [tables, journal, functions, claims, ends, outboxFunctions, shelfFunctions, journalFunctions].joined(
            separator: "\n")
    ]

    /// The lock under which one sidecar of many makes or upgrades the schema.
    static func lock(_ schema: String) -> Int64 { LockKeys.key("schema", schema) }

    /// Brings the schema to this version, in one transaction, while others wait.
    ///
    /// - Throws: `store.newer`, or what the server says.
    static func upgrade(_ session: Session, _ schema: String) throws(Failure) {
        try session.script("BEGIN")
        do throws(Failure) {
            try session.script("SELECT pg_advisory_xact_lock(\(lock(schema)))")
            try session.script("CREATE SCHEMA IF NOT EXISTS \(schema)")
            let found = try version(in: session, schema)
            guard found <= version else { throw newer(found, session.place) }
            for (number, step) in steps.enumerated().dropFirst(found) {
                try session.script(step)
                try session.script(
                    """
                    INSERT INTO meta VALUES ('version', '\(number + 1)') \
                    ON CONFLICT (key) DO UPDATE SET value = excluded.value
                    """)
            }
            try session.script("COMMIT")
        } catch {
            try? session.script("ROLLBACK")
            throw error
        }
    }

    /// How many steps the schema has seen, 0 where there is none.
    static func version(in session: Session, _ schema: String) throws(Failure) -> Int {
        let table = try session.ask("SELECT to_regclass($1) IS NOT NULL", [.text("\(schema).meta")])
        guard table.first?.flag(0) == true else { return 0 }
        let rows = try session.ask("SELECT value FROM meta WHERE key = 'version'", [])
        return rows.first.flatMap { Int($0.text(0)) } ?? 0
    }

    static func newer(_ found: Int, _ place: String) -> Failure {
        Failure(.storeNewer, place, "schema \(found), this version knows \(version)")
    }
}

extension Schema {
    /// Is there the schema that this version works with? Asked on each connection: another sidecar may upgrade it.
    static func require(_ session: Session, _ schema: String) throws(Failure) {
        let found = try version(in: session, schema)
        guard found <= version else { throw newer(found, session.place) }
        guard found == version else {
            let words = found == 0 ? "there is no schema \(schema)" : "schema \(found), this version needs \(version)"
            throw Failure(.storeUnfit, session.place, words + ": run `outrigger store migrate`")
        }
    }
}
