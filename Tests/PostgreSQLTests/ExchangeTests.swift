import Events
import Pipeline
import StoreConformance
import Support
import Synchronization
import Testing

@testable import PostgreSQL

extension PostgreSQLTests {
    /// What goes over the wire, and who is woken by it.
    @Suite struct ExchangeTests {
        private final class Counter: Sendable {
            private let count = Mutex(0)
            func add() { count.withLock { $0 += 1 } }
            func take() -> Int {
                count.withLock { count in
                    defer { count = 0 }
                    return count
                }
            }
        }

        @Test func aBatchOfTenIsTwoRoundTrips() async throws {
            let counter = Counter()
            let bench = try await Bench { options in
                options.observer = { if case .exchanged = $0 { counter.add() } }
            }
            let store = bench.postgres
            let now = bench.clock.now
            // The connections are made, and look for the schema.
            try await store.check()
            _ = try await store.depth()
            _ = counter.take()
            for round in 0..<3 {
                let requests = (0..<10).map { Make.request("e-\(round)-\($0)", message: "m-\(round)-\($0)", at: now) }
                let leases = try await store.claim(requests, at: now).compactMap(\.lease)
                #expect(counter.take() == 1)
                let effects = Effects(
                    writes: [StateWrite(key: Bytes("k"), value: Bytes("\(round)"), expected: nil)],
                    drafts: [
                        Draft(source: "s", detailType: "d", resource: "r", correlationID: "", detail: Bytes("1"))
                    ])
                let results = try await store.commit(leases.map { Make.done($0, effects, at: now) }, at: now)
                #expect(results == Array(repeating: .committed, count: 10))
                #expect(counter.take() == 1)
            }
            await bench.close()
        }

        @Test func aFullSegmentIsToldAndClosedAndItsRowsGoWhenTheyAreOld() async throws {
            let bench = try await Bench { options in
                options.journalSegment = 4
                options.journalKeep = .days(2)
            }
            let store = bench.postgres
            func commit(_ ids: ClosedRange<Int>) async throws {
                let now = bench.clock.now
                let requests = ids.map { Make.request("e-\($0)", message: "m-\($0)", at: now) }
                let leases = try await store.claim(requests, at: now).compactMap(\.lease)
                _ = try await store.commit(leases.map { Make.done($0, at: now) }, at: now)
                try await store.beat(at: now)
            }
            try await commit(1...4)
            for await _ in store.fullSegments { break }
            let full = try #require(try await store.headToSeal(force: false, at: bench.clock.now))
            #expect(full.closes && full.statement.number == 4)
            try await store.seal(full, HeadSignature(keyID: "k", bytes: [1]))
            #expect(try await store.headToSeal(force: true, at: bench.clock.now)?.statement == nil)
            bench.clock.pass(.days(3))
            try await commit(5...6)
            let next = try #require(try await store.headToSeal(force: false, at: bench.clock.now))
            #expect(next.statement.first == 5)
            #expect(try await store.sweep(at: bench.clock.now) == 0, "no head has given anything up yet")
            try await store.seal(next, nil)
            #expect(try await store.sweep(at: bench.clock.now) == 4)
            let audit = try await store.audit { _, _ in true }
            #expect(audit == JournalAudit(rows: 2, chains: 1, heads: 2, signed: 1))
            try await bench.ask("DELETE FROM journal WHERE number = 5")
            #expect(try await store.audit().breaks.map(\.kind) == [.beginning, .missing])
            await bench.close()
        }

        @Test func rowsThatASweepRemovesDuringAnAuditAreNoBreak() async throws {
            let bench = try await Bench()
            let store = bench.postgres
            for number in 1...3 {
                let now = bench.clock.now
                let request = Make.request("e-\(number)", at: now)
                let lease = try #require(try await store.claim([request], at: now)[0].lease)
                _ = try await store.commit([Make.done(lease, at: now)], at: now)
                try await store.beat(at: now)
                let head = try #require(try await store.headToSeal(force: true, at: now))
                try await store.seal(head, HeadSignature(keyID: "k", bytes: [1]))
            }
            let (server, schema) = (bench.server, bench.schema)
            // Once the audit has read where the chain begins a head gives rows up, and they go.
            let rounds = Mutex(0)
            let audit = try await store.audit { _, _ in
                let round = rounds.withLock { count -> Int in
                    count += 1
                    return count
                }
                guard round == 1 else { return true }
                try? server.administer(
                    """
                    UPDATE \(schema).writers SET first = 3; DELETE FROM \(schema).journal WHERE place < 3;
                    UPDATE \(schema).journal_end SET first = 3
                    """)
                return true
            }
            #expect(audit.breaks == [] && audit.rows == 1)
            #expect(rounds.withLock { $0 } > 1)
            await bench.close()
        }

        @Test func aChainThatWasRemovedWithAllThatNamesItLeavesAGap() async throws {
            let bench = try await Bench()
            let other = try #require(try await bench.second() as? PostgreSQLStore)
            for (store, id) in [(bench.postgres, "e-1"), (other, "e-2"), (bench.postgres, "e-3")] {
                let now = bench.clock.now
                let lease = try #require(try await store.claim([Make.request(id, at: now)], at: now)[0].lease)
                _ = try await store.commit([Make.done(lease, at: now)], at: now)
                try await store.beat(at: now)
            }
            #expect(try await other.audit().breaks.isEmpty)
            let boot = other.boot
            try await bench.ask("DELETE FROM journal WHERE boot = \(boot); DELETE FROM writers WHERE boot = \(boot)")
            let breaks = try await bench.postgres.audit().breaks
            #expect(breaks == [JournalAudit.Break(boot: 0, number: 1, place: 2, kind: .missing)])
            // Its writer begins again, and loses nothing but what it was told was lost.
            let now = bench.clock.now
            let lease = try #require(try await other.claim([Make.request("e-4", at: now)], at: now)[0].lease)
            let thrown = await failure { try await other.commit([Make.done(lease, at: now)], at: now) }
            #expect(thrown?.code == .storeUnavailable)
            #expect(try await other.commit([Make.done(lease, at: now)], at: now) == [.committed])
            await bench.close()
        }

        @Test func aBatchThatSharesAKeyIsCommittedInItsOrder() async throws {
            let bench = try await Bench()
            let store = bench.postgres
            let now = bench.clock.now
            let requests = (0..<4).map { Make.request("e-\($0)", message: "m-\($0)", at: now) }
            let leases = try await store.claim(requests, at: now).compactMap(\.lease)
            let commitments = leases.enumerated().map { number, lease in
                let write = StateWrite(key: Bytes("k"), value: Bytes("\(number)"), expected: number == 2 ? 7 : nil)
                return Make.done(lease, Effects(writes: [write]), at: now)
            }
            let results = try await store.commit(commitments, at: now)
            #expect(results == [.committed, .committed, .lostState, .committed])
            #expect(try await store.read([Bytes("k")], of: Make.handler, at: now)[0].value == Bytes("3"))
            #expect(try await store.audit().breaks.isEmpty)
            await bench.close()
        }

        @Test func commitsThatComeTogetherShareATransaction() async throws {
            let calls = Mutex<[Int]>([])
            let bench = try await Bench { options in
                options.observer = { if case .committed(let count, _) = $0 { calls.withLock { $0.append(count) } } }
            }
            let store = bench.postgres
            let now = bench.clock.now
            let requests = (0..<200).map { Make.request("e-\($0)", message: "m-\($0)", at: now) }
            let leases = try await store.claim(requests, at: now).compactMap(\.lease)
            #expect(leases.count == 200)
            let results = try await withThrowingTaskGroup(of: [CommitResult].self) { group in
                for lease in leases { group.addTask { try await store.commit([Make.done(lease, at: now)], at: now) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(results == Array(repeating: .committed, count: 200))
            #expect(calls.withLock { $0.reduce(0, +) } == 200)
            #expect(calls.withLock { $0.count } < 200)
            await bench.close()
        }

        @Test func aCommitWakesTheRelaysTimersAndReadersOfOtherSidecars() async throws {
            let bench = try await Bench()
            let other = try #require(try await bench.second() as? PostgreSQLStore)
            let now = bench.clock.now
            let store = bench.postgres
            let growth = other.growth()
            let lease = try #require(try await store.claim([Make.request("e-1", at: now)], at: now)[0].lease)
            let effects = Effects(
                drafts: [Draft(source: "s", detailType: "d", resource: "r", correlationID: "", detail: Bytes("1"))],
                timers: [TimerChange(key: Bytes("k"), at: now, detail: Bytes("1"))])
            #expect(try await store.commit([Make.done(lease, effects, at: now)], at: now) == [.committed])
            for await _ in other.outboxWrites where try await other.depth().rows == 1 { break }
            for await _ in other.timerChanges { break }
            for await _ in growth where try await other.newest() == 1 { break }
            await bench.close()
            for await _ in other.outboxWrites {}
        }
    }
}
