import Events
import Glibc
import Pipeline
import StoreConformance
import Support
import Testing

@testable import PostgreSQL

extension PostgreSQLTests {
    /// What an operator is told of a server before sidecars use it, and a schema that is made by hand.
    @Suite struct InspectionTests {
        private let server: PostgreSQLServer
        private let schema = PostgreSQLServer.freshName()

        init() throws { server = try PostgreSQLServer.shared() }

        private func options(_ connection: String? = nil, migrates: Bool = false) -> PostgreSQLOptions {
            PostgreSQLOptions(
                connection: connection ?? server.connection(), schema: schema, patience: .seconds(2),
                migrates: migrates)
        }

        private func unfit(_ options: PostgreSQLOptions, _ clock: any WallClock = Now()) async -> [StoreFinding] {
            let findings = await PostgreSQLStore.inspect(options, clock: clock)
            for finding in findings where finding.verdict == .unfit { #expect(!finding.advice.isEmpty, "\(finding)") }
            return findings.filter { $0.verdict == .unfit }
        }

        @Test func aSchemaIsMissedThenMadeThenFit() async throws {
            #expect(await unfit(options()).map(\.subject) == ["schema"])
            #expect(await unfit(options(migrates: true)) == [], "the first sidecar makes it")
            let made = try await PostgreSQLStore.migrate(options())
            #expect(made.from == 0 && made.to == Schema.version)
            let again = try await PostgreSQLStore.migrate(options())
            #expect(again.from == Schema.version && again.to == Schema.version)
            let findings = await PostgreSQLStore.inspect(options(), clock: Now())
            #expect(findings.allSatisfy { $0.verdict == .fit }, "\(findings)")
            let subjects = ["server", "durability", "connections", "schema", "rights", "clock", "room"]
            #expect(findings.map(\.subject) == subjects)
            // Looking leaves nothing behind: no sidecar has ever been here.
            let writers = try server.ask("SELECT count(*) FROM \(schema).writers")
            #expect(writers == "0")
        }

        @Test func aNewerSchemaIsNamedAndLeftAlone() async throws {
            _ = try await PostgreSQLStore.migrate(options())
            try server.administer("UPDATE \(schema).meta SET value = '99' WHERE key = 'version'")
            #expect(await unfit(options()).first?.words.contains("at 99") == true)
            let failure = await failure { try await PostgreSQLStore.migrate(options()) }
            #expect(failure?.code == .storeNewer)
        }

        @Test func whoMayNotWriteIsNamed() async throws {
            _ = try await PostgreSQLStore.migrate(options())
            let user = PostgreSQLServer.freshName()
            try server.administer("CREATE ROLE \(user) LOGIN; GRANT USAGE ON SCHEMA \(schema) TO \(user); "
                + "GRANT SELECT ON \(schema).meta TO \(user)")
            let connection = "host=\(server.folder) user=\(user) dbname=postgres"
            let poor = await unfit(options(connection))
            #expect(poor.map(\.subject) == ["rights"] && poor.first?.advice.contains("Grant") == true, "\(poor)")
            try server.administer(
                """
                GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \(schema) TO \(user);
                GRANT USAGE ON ALL SEQUENCES IN SCHEMA \(schema) TO \(user)
                """)
            #expect(await unfit(options(connection)) == [])
            // With exactly these rights a sidecar works.
            let store = try await PostgreSQLStore.open(options(connection), clock: TestClock())
            let now = TestClock.start
            let lease = try #require(try await store.claim([Make.request("e-1", at: now)], at: now)[0].lease)
            #expect(try await store.commit([Make.done(lease, at: now)], at: now) == [.committed])
            try await store.beat(at: now)
            try await store.sweep(at: now)
            await store.close()
        }

        @Test func aServerWithoutRoomIsUnfit() async throws {
            _ = try await PostgreSQLStore.migrate(options())
            try server.administer(
                """
                CREATE FUNCTION \(schema).refuse_all() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '53100'; END $$;
                CREATE TRIGGER full_disk BEFORE INSERT ON \(schema).journal_tail FOR EACH ROW
                    EXECUTE FUNCTION \(schema).refuse_all()
                """)
            let found = await unfit(options())
            #expect(found.map(\.subject) == ["room"] && found.first?.words.contains("53100") == true, "\(found)")
        }

        @Test(arguments: [
            ("host=/nowhere user=outrigger dbname=postgres", "Start the server"),
            ("host=FOLDER user=nobody_here dbname=postgres", "Create it"),
            ("host=FOLDER user=outrigger dbname=nothing_here", "Create it"),
            ("host=no.such.host.invalid user=outrigger", "Correct the host"),
            ("host=FOLDER user=outrigger dbname=postgres options='-c default_transaction_read_only=on'", "the primary"),
        ])
        func whatIsInTheWayIsNamedWithWhatToDo(connection: String, advice: String) async throws {
            let found = await unfit(options(connection.replacing("FOLDER", with: server.folder)))
            #expect(found.map(\.subject) == ["server"])
            #expect(found.first?.advice.contains(advice) == true, "\(found)")
        }

        @Test func aServerThatSaysNothingIsAwayInBoundedTime() async throws {
            let proxy = try Proxy(to: server)
            proxy.isSilent = true
            let found = await unfit(options(server.connection(through: proxy.folder.path)))
            #expect(found.first?.words.contains("slow") == true, "\(found)")
        }

        @Test func clocksThatDifferAreNamed() async throws {
            let late = await PostgreSQLStore.inspect(options(migrates: true), clock: Now(behind: .minutes(10)))
            let clock = try #require(late.first { $0.subject == "clock" })
            #expect(clock.verdict == .note && clock.words.contains("ahead of this machine's"), "\(clock)")
        }
    }
}

private struct Now: WallClock {
    var behind = Duration.zero
    var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(unixMilliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000) - behind
    }
}
