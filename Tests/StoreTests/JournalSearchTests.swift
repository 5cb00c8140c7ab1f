import Events
import GRDB
import Pipeline
import Testing

@testable import Store

@Suite struct JournalSearchTests {
    /// The number before the first: so that the index's second block ends after six thousand rows.
    private let base = 2 * JournalKey.block - 1 - 6_000

    /// Rows of which each hundredth is of one payment, in two blocks of the index.
    private func filled(_ count: Int) async throws -> Bench {
        let bench = try Bench()
        try await bench.begin(behind: base)
        for first in stride(from: 0, to: count, by: 500) {
            let entries = (first..<min(first + 500, count)).map { index -> JournalEntry in
                var entry = JournalEntry(
                    time: Bench.start + .seconds(Int64(index)), kind: .event, direction: .incoming,
                    outcome: index % 1_000 == 0 ? .dead : .done)
                entry.event = "e-\(index)"
                entry.message = "m-\(index)"
                entry.correlationID = "c-\(index / 100)"
                entry.resource = "r-\(index % 100)"
                entry.userID = index % 2 == 0 ? "" : "u-\(index % 7)"
                entry.source = index % 10 == 0 ? "qsl.token" : "qsl.treasury"
                entry.detailType = "T"
                return entry
            }
            _ = try await bench.store.core.enqueue(.record(entries))
        }
        return bench
    }

    private func numbers(_ bench: Bench, _ change: (inout JournalQuery) -> Void) async throws -> [Int64] {
        var query = JournalQuery()
        query.atMost = 1_000
        change(&query)
        return try await bench.store.rows(query).map { $0.number - base }
    }

    @Test func rowsAreFoundInTheFilesIndexAndInMemoryAlike() async throws {
        let bench = try await filled(11_000)
        // Each transaction moves a part of a full block into the file.
        for _ in 0..<200 { _ = try await bench.store.core.enqueue(.touch) }
        let indexed = try #require(Int(try await bench.rows("SELECT count(*) FROM journal_keys")[0][0]))
        #expect(indexed > 20_000)
        for round in 0..<2 {
            #expect(try await numbers(bench) { $0.correlationID = "c-3" } == Array(301...400))
            #expect(try await numbers(bench) { $0.correlationID = "c-109" } == Array(10_901...11_000))
            #expect(try await numbers(bench) { $0.event = "e-5999" } == [6_000])
            #expect(try await numbers(bench) { $0.event = "m-6000" } == [6_001])
            #expect(try await numbers(bench) { $0.event = "e-10999" } == [11_000])
            #expect(try await numbers(bench) { $0.event = "e-11000" } == [])
            let resource: [Int64] = Array(stride(from: 8, through: 10_908, by: 100))
            #expect(try await numbers(bench) { $0.resource = "r-7" } == resource)
            let users: [Int64] = (1...11_000).filter { $0 % 2 == 0 && ($0 - 1) % 7 == 3 }
            #expect(try await numbers(bench) { $0.userID = "u-3" } == users)
            if round == 0 { try await bench.reopen() }
        }
    }

    @Test func allThatIsGivenMustHold() async throws {
        let bench = try await filled(5_000)
        let token = try await numbers(bench) {
            $0.resource = "r-0"
            $0.source = "qsl.token"
        }
        let hundredth: [Int64] = Array(stride(from: 1, through: 4_901, by: 100))
        #expect(token == hundredth)
        #expect(try await numbers(bench) { $0.outcome = .dead } == [1, 1_001, 2_001, 3_001, 4_001])
        let dead = try await numbers(bench) {
            $0.outcome = .dead
            $0.since = Bench.start + .seconds(1_000)
            $0.until = Bench.start + .seconds(3_000)
        }
        #expect(dead == [1_001, 2_001])
        let span = try await numbers(bench) {
            $0.correlationID = "c-20"
            $0.since = Bench.start + .seconds(2_010)
            $0.until = Bench.start + .seconds(2_013)
        }
        #expect(span == [2_011, 2_012, 2_013])
        #expect(try await numbers(bench) { $0.detailType = "U" } == [])
    }

    @Test func pagesFollowEachOtherWithoutGapsOrRepeats() async throws {
        let bench = try await filled(9_000)
        for _ in 0..<200 { _ = try await bench.store.core.enqueue(.touch) }
        for resource in [nil, "r-42"] as [String?] {
            var found: [Int64] = []
            var query = JournalQuery()
            query.resource = resource
            query.atMost = resource == nil ? 999 : 7
            repeat {
                query.after = base + (found.last ?? 0)
                let page = try await bench.store.rows(query).map { $0.number - base }
                #expect(page.count <= query.atMost)
                if page.isEmpty { break }
                found += page
            } while true
            let expected: [Int64] = (1...9_000).filter { resource == nil || ($0 - 1) % 100 == 42 }
            #expect(found == expected)
        }
        var query = JournalQuery()
        query.atMost = .max
        #expect(try await bench.store.rows(query).count == Limits.journalPage)
    }

    @Test func growthRingsForEachListenerUntilItLeaves() async throws {
        let bench = try Bench()
        let first = bench.store.growth(), second = bench.store.growth()
        try await bench.done("e-1")
        for await _ in first { break }
        for await _ in second { break }
        let third = bench.store.growth()
        let task = Task { for await _ in third {} }
        task.cancel()
        await task.value
        await bench.store.close()
        for await _ in bench.store.growth() { Issue.record("the store is closed") }
    }

    @Test func theReaderSeesNothingThatIsNotCommittedAndWaitsForNobody() async throws {
        let bench = try Bench(.durable)
        try await bench.done("e-1")
        // The writer stands in the middle of a transaction.
        try await bench.store.core.withConnection { connection throws(Failure) in
            try connection.perform { db in
                try db.execute(sql: "BEGIN IMMEDIATE; DELETE FROM journal")
            }
        }
        #expect(try await bench.store.journal(after: 0, atMost: 10).count == 1)
        try await bench.execute("ROLLBACK")
    }

    @Test func accountsTellOfEachConsumerWhatItKnows() async throws {
        let bench = try Bench()
        let dead = try await bench.lease("e-1")
        #expect(try await bench.commit(dead, .dead(Failure(.handleRejected, "e-1", "no"), shelved: nil)) == .committed)
        let other = bench.request(bench.event("e-1"), queue: QueueName("audit"), handler: HandlerID("audit"))
        _ = try #require(try await bench.claim(other).lease)
        let accounts = try await bench.store.accounts(of: "e-1")
        #expect(accounts.map(\.consumer.text) == ["audit", "payments"])
        #expect(accounts.map(\.state) == [.claimed, .dead])
        #expect(accounts[1].failure == Failure(.handleRejected, "e-1", "no"))
        #expect(accounts[1].attempts == 1 && accounts[1].handler == bench.handler)
        #expect(try await bench.store.accounts(of: "unknown").isEmpty)
    }
}
