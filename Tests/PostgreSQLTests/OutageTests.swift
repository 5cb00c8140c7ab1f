import Events
import Pipeline
import StoreConformance
import Support
import Synchronization
import Testing

@testable import PostgreSQL

extension PostgreSQLTests {
    /// What the server does to a store, and how the store comes back.
    @Suite struct OutageTests {
        private func request(_ id: String, message: String = "m-1", at now: Instant) -> ClaimRequest {
            Make.request(id, message: message, at: now)
        }

        @Test func whileTheServerIsAwayEveryCallSaysSoAndAfterwardsNoneDoes() async throws {
            let bench = try await Bench()
            let store = bench.postgres
            let now = bench.clock.now
            let lease = try #require(try await store.claim([request("e-1", at: now)], at: now)[0].lease)
            let end = Make.done(lease, at: now)
            bench.proxy.isDown = true
            let other = [request("e-2", at: now)]
            #expect(await failure { try await store.claim(other, at: now) }?.code == .storeUnavailable)
            #expect(await failure { try await store.commit([end], at: now) }?.code == .storeUnavailable)
            let key = [Bytes("k")]
            #expect(await failure { try await store.read(key, of: HandlerID("h"), at: now) }?.code == .storeUnavailable)
            #expect(await failure { try await store.depth() }?.code == .storeUnavailable)
            #expect(await failure { try await store.check() }?.code == .storeUnavailable)
            #expect(await store.renew([lease], until: now + .minutes(1)) == [true], "nobody knows better")
            bench.proxy.isDown = false
            try await store.check()
            #expect(try await store.commit([Make.done(lease, at: now)], at: now) == [.committed])
            #expect(try await store.claim([request("e-1", message: "m-2", at: now)], at: now)[0].isDone)
            await bench.close()
        }

        @Test func aServerThatFallsSilentIsAwayInBoundedTime() async throws {
            let bench = try await Bench { $0.patience = .seconds(3) }
            let store = bench.postgres
            let now = bench.clock.now
            let lease = try #require(try await store.claim([request("e-1", at: now)], at: now)[0].lease)
            let end = Make.done(lease, at: now)
            bench.proxy.isSilent = true
            #expect(await failure { try await store.commit([end], at: now) }?.code == .storeUnavailable)
            #expect(await failure { try await store.depth() }?.code == .storeUnavailable)
            bench.proxy.isSilent = false
            #expect(try await store.commit([Make.done(lease, at: now)], at: now) == [.committed])
            await bench.close()
        }

        @Test func aCrashOfTheServerVoidsClaimsAndNothingElse() async throws {
            let server = try PostgreSQLServer()
            let clock = TestClock()
            let options = PostgreSQLOptions(connection: server.connection(), connections: 1)
            let store = try await PostgreSQLStore.open(options, clock: clock)
            let now = clock.now
            let requests = (0..<4).map { request("e-\($0)", at: now) }
            let leases = try await store.claim(requests, at: now).compactMap(\.lease)
            let draft = Draft(source: "s", detailType: "d", resource: "r", correlationID: "", detail: Bytes("1"))
            let done = Make.done(leases[0], Effects(drafts: [draft]), at: now)
            #expect(try await store.commit([done], at: now) == [.committed])
            try server.restart("QUIT")
            _ = await failure { try await store.check() }
            _ = await failure { try await store.depth() }
            #expect(try await store.commit([Make.done(leases[1], at: now)], at: now) == [.lostClaim])
            #expect(try await store.commit([done], at: now) == [.committed])
            let again = try await store.claim(requests.map { Make.copy(of: $0, message: "m-2") }, at: now)
            #expect(again.map(\.isDone) == [true, false, false, false])
            let fences = again.compactMap(\.lease?.fence)
            #expect(fences.count == 3 && fences.allSatisfy { fence in leases.allSatisfy { $0.fence < fence } })
            #expect(try await store.depth().rows == 1)
            #expect(try await store.audit().breaks.isEmpty)
            await store.close()
        }

        private func refuse(_ state: String, inserting table: String, _ bench: Bench) async throws {
            try await bench.ask(
                """
                CREATE FUNCTION refuse_all() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '\(state)'; END $$;
                CREATE TRIGGER full_disk BEFORE INSERT ON \(table) FOR EACH ROW EXECUTE FUNCTION refuse_all()
                """)
        }

        @Test(arguments: [("53100", FailureCode.storeFull), ("XX001", .storeCorrupt), ("25006", .storeUnavailable)])
        func whatTheServerCannotDoIsNamed(state: String, code: FailureCode) async throws {
            let bench = try await Bench()
            let store = bench.postgres
            let now = bench.clock.now
            let lease = try #require(try await store.claim([request("e-1", at: now)], at: now)[0].lease)
            try await refuse(state, inserting: "ledger", bench)
            #expect(await failure { try await store.commit([Make.done(lease, at: now)], at: now) }?.code == code)
            try await bench.ask("DROP TRIGGER full_disk ON ledger")
            #expect(try await store.commit([Make.done(lease, at: now)], at: now) == [.committed])
            await bench.close()
        }

        /// A question succeeds on a full disk, and so does what fits into pages that are there.
        @Test func aFullDiskIsFullUntilAWriteSucceeds() async throws {
            let bench = try await Bench()
            let store = bench.postgres
            let now = bench.clock.now
            let lease = try #require(try await store.claim([request("e-1", at: now)], at: now)[0].lease)
            try await refuse("53100", inserting: "journal_tail", bench)
            // While nothing fails nothing is written.
            try await store.check()
            #expect(await failure { try await store.commit([Make.done(lease, at: now)], at: now) }?.code == .storeFull)
            for _ in 0..<2 { #expect(await failure { try await store.check() }?.code == .storeFull) }
            try await bench.ask("DROP TRIGGER full_disk ON journal_tail")
            try await store.check()
            #expect(try await store.commit([Make.done(lease, at: now)], at: now) == [.committed])
            #expect(try await store.newest() == 1)
            #expect(try await store.audit().breaks.isEmpty)
            await bench.close()
        }

        @Test func valuesThatTheServerRefusesAreRefusedAloneAndForGood() async throws {
            let bench = try await Bench()
            let store = bench.postgres
            let now = bench.clock.now
            let requests = (0..<3).map { request("e-\($0)", at: now) }
            let leases = try await store.claim(requests, at: now).compactMap(\.lease)
            try await bench.ask(
                """
                CREATE FUNCTION refuse_one() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '22023'; END $$;
                CREATE TRIGGER one BEFORE INSERT ON ledger FOR EACH ROW WHEN (NEW.event = 'e-1')
                    EXECUTE FUNCTION refuse_one()
                """)
            let results = try await store.commit(leases.map { Make.done($0, at: now) }, at: now)
            #expect(results[0] == .committed && results[2] == .committed)
            guard case .refused(let failure) = results[1] else {
                Issue.record("\(results)")
                return
            }
            #expect(failure.code == .handleTooLarge)
            await bench.close()
        }
    }
}

/// Short words for requests and ends.
enum Make {
    static let handler = HandlerID("treasury")

    static func request(_ id: String, message: String = "m-1", at now: Instant) -> ClaimRequest {
        Samples.request(id, message: message, at: now)
    }

    static func copy(of request: ClaimRequest, message: String) -> ClaimRequest {
        Samples.request(request.event.id.text, message: message, at: request.sentAt)
    }

    static func done(_ lease: Lease, _ effects: Effects = .none, at now: Instant) -> Commitment {
        Commitment(
            lease: lease, verdict: .done(effects), history: History(attempts: 1, firstSeen: now),
            keepUntil: now + .days(5), generation: 1)
    }
}

extension Claim {
    var isDone: Bool { if case .done = self { true } else { false } }
}
