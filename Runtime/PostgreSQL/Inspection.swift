public import Events
public import Pipeline

// What an operator asks of the server before sidecars do: is all there, and may this user do it.

extension PostgreSQLStore {
    /// Looks, and changes nothing.
    ///
    /// - Parameter clock: the machine's own.
    public static func inspect(_ options: PostgreSQLOptions, clock: any WallClock) async -> [StoreFinding] {
        let lane = Lane(options)
        do throws(Failure) {
            try check(options)
            let findings = try await lane.begin { session throws(Failure) in
                try Inspection(session: session, options: options, clock: clock).findings()
            }
            await lane.close()
            return findings
        } catch {
            await lane.close()
            return [StoreFinding(.unfit, error.code == .settingsInvalid ? "schema" : "server", error.cause,
                advice: Inspection.advice(error))]
        }
    }

    /// Makes the schema, or brings it to this version.
    ///
    /// - Returns: the version that was found, 0 for none, and the one that is there now.
    /// - Throws: `store.newer`, `store.unavailable`.
    public static func migrate(_ options: PostgreSQLOptions) async throws(Failure) -> (from: Int, to: Int) {
        try check(options)
        let lane = Lane(options)
        do throws(Failure) {
            let steps = try await lane.begin { session throws(Failure) in
                let found = try Schema.version(in: session, options.schema)
                try Schema.upgrade(session, options.schema)
                return (from: found, to: Schema.version)
            }
            await lane.close()
            return steps
        } catch {
            await lane.close()
            throw error
        }
    }
}

private struct Inspection {
    let session: Session
    let options: PostgreSQLOptions
    let clock: any WallClock

    func findings() throws(Failure) -> [StoreFinding] {
        let rows = try session.ask(
            """
            SELECT current_setting('server_version'), current_setting('fsync') = 'on', \
            current_setting('full_page_writes') = 'on', current_user::text, \
            coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false), \
            inet_server_addr() IS NULL, has_database_privilege(current_database(), 'CREATE'), \
            current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint, \
            (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')
            """, [])
        guard let facts = rows.first else { throw Failure(.storeUnavailable, session.place, "no answer") }
        let schema = try schema(mayMake: facts.flag(6))
        let isUsable = schema.count > 1 && schema.allSatisfy { $0.verdict == .fit }
        return [server(facts), durability(facts), connections(facts)] + schema + [try time()]
            + (isUsable ? [try room()] : [])
    }

    private func server(_ facts: Row) -> StoreFinding {
        let way = facts.flag(5) ? "over a Unix socket" : facts.flag(4) ? "encrypted" : "not encrypted"
        let words = "PostgreSQL \(facts.text(0)) at \(session.place), as \(facts.text(3)), \(way)"
        guard facts.flag(4) || facts.flag(5) else {
            return StoreFinding(
                .note, "server", words, advice: "Everybody on the way can read it: sslmode=verify-full encrypts it.")
        }
        return StoreFinding(.fit, "server", words)
    }

    private func durability(_ facts: Row) -> StoreFinding {
        guard facts.flag(1), facts.flag(2) else {
            return StoreFinding(
                .unfit, "durability", "fsync or full_page_writes is off: a crash of the server can lose what was done",
                advice: "Set both to on: a ledger that forgets lets effects happen twice.")
        }
        return StoreFinding(.fit, "durability", "commits wait for the disk")
    }

    /// What one sidecar needs: the configured ones, one for commits, one that listens.
    private func connections(_ facts: Row) -> StoreFinding {
        let (free, own) = (max(0, facts.number(7) - facts.number(8)), options.connections + 2)
        let words = "\(free) of \(facts.number(7)) are free; a sidecar has \(own)"
        return free >= own
            ? StoreFinding(.fit, "connections", words)
            : StoreFinding(
                .unfit, "connections", words, advice: "Raise max_connections, or lower `connections` of the store.")
    }

    // MARK: - the schema

    private func schema(mayMake: Bool) throws(Failure) -> [StoreFinding] {
        let found = try Schema.version(in: session, options.schema)
        let migrate = "Run `outrigger store migrate` as a user who may."
        if found > Schema.version {
            return [
                StoreFinding(
                    .unfit, "schema", "schema \(options.schema) is at \(found), this version knows \(Schema.version)",
                    advice: "Run the version that made it, or a newer one.")
            ]
        }
        guard found == Schema.version else {
            let words = found == 0
                ? "there is no schema \(options.schema)"
                : "schema \(options.schema) is at \(found), this version needs \(Schema.version)"
            return options.migrates && (mayMake || found > 0)
                ? [StoreFinding(.note, "schema", words + ": the first sidecar that starts makes it")]
                : [StoreFinding(.unfit, "schema", words, advice: migrate)]
        }
        return [StoreFinding(.fit, "schema", "\(options.schema) at \(found)"), try rights()]
    }

    private func rights() throws(Failure) -> StoreFinding {
        let rows = try session.ask(
            """
            SELECT relname::text FROM pg_class WHERE relnamespace = $1::text::regnamespace AND (relkind = 'r' \
            AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') \
            AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')) \
            OR relkind = 'S' AND NOT has_sequence_privilege(oid, 'USAGE')) ORDER BY relname LIMIT 5
            """, [.text(options.schema)])
        guard rows.isEmpty else {
            let names = rows.map { $0.text(0) }.joined(separator: ", ")
            return StoreFinding(
                .unfit, "rights", "the user may not read and write \(names)",
                advice: "Grant SELECT, INSERT, UPDATE and DELETE on all tables of the schema, USAGE on all sequences.")
        }
        return StoreFinding(.fit, "rights", "the user may read and write every table")
    }

    // MARK: - room

    /// A write, undone.
    private func room() throws(Failure) -> StoreFinding {
        try session.script("BEGIN")
        do throws(Failure) {
            _ = try session.ask("SELECT prove_room()", [])
            try session.script("ROLLBACK")
            return StoreFinding(.fit, "room", "the server takes writes")
        } catch {
            try session.script("ROLLBACK")
            return StoreFinding(.unfit, "room", error.cause, advice: error.code.entry.remedy)
        }
    }

    // MARK: - time

    private func time() throws(Failure) -> StoreFinding {
        let start = clock.now
        let rows = try session.ask("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", [])
        let took = clock.now - start
        let middle = start + took / 2
        let server = Instant(unixMilliseconds: rows.first?.integer(0) ?? middle.unixMilliseconds)
        return .clock(
            ahead: server - middle, within: took,
            harm: "leases go by the server's, timers and retention by the sidecars'")
    }

    // MARK: - what to do

    /// libpq's words are all that a refused connection leaves behind.
    static func advice(_ failure: Failure) -> String {
        let known: [(String, String)] = [
            ("password", "Correct the user or the password: `password-file`, PGPASSWORD or PGPASSFILE."),
            ("pg_hba.conf", "Let the server's pg_hba.conf admit this user from here, or correct the user."),
            ("certificate", "Name the server's authority in sslrootcert, and the host as its certificate does."),
            ("SSL", "Let the server speak TLS, or correct sslmode."),
            ("service file", "Name the service file in PGSERVICEFILE, or mend it."),
            ("definition of service", "Define the service in the file that PGSERVICEFILE names, or correct its name."),
            ("does not exist", "Create it, or correct the name in `connection`."),
            ("too many clients", "Raise max_connections, or lower `connections` of the stores."),
            ("translate host name", "Correct the host."),
            ("starting up", "Wait for it."),
            ("takes no writes", "Name the primary."),
            ("encoding", "Use a database that was created with ENCODING 'UTF8'."),
            ("is the oldest", "Upgrade the server."),
        ]
        let advice = known.first { failure.cause.contains($0.0) }?.1
        return advice ?? (failure.code == .storeUnavailable
            ? "Start the server, or correct host and port in `connection`." : failure.code.entry.remedy)
    }
}
