import Cryptography
import Events
import Pipeline
import Testing

@testable import Store

@Suite struct JournalTests {
    @Test func everyEndHasOneRowWithoutGaps() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(drafts: [bench.draft("a")]))
        let retried = try await bench.lease("e-2")
        #expect(try await bench.commit(retried, .retry(Failure(.handleRetried, "treasury", "busy"))) == .committed)
        let lost = try await bench.lease("e-3")
        let stale = Effects(reads: [StateRead(key: Bytes("k"), version: 1)])
        #expect(try await bench.commit(lost, .done(stale)) == .lostState)
        #expect(try await bench.commit(lost, .dead(Failure(.handleRejected), shelved: nil)) == .committed)
        let row = try await bench.store.due(atMost: 1, excluding: [], at: bench.now)[0].row
        try await bench.store.settle([PublicationResult(row: row, end: .sent)], at: bench.now)

        let rows = try await bench.store.journal(after: 0, atMost: 100)
        #expect(rows.map(\.number) == [1, 2, 3, 4])
        #expect(rows.map(\.entry.outcome) == [.done, .retry, .dead, .sent])
        #expect(rows.map(\.entry.code) == ["", "handle.retried", "handle.rejected", ""])
        #expect(rows.map(\.entry.stage) == ["", "handle", "handle", ""])
        #expect(rows[0].entry.correlationID == "c-1")
        #expect(rows[0].entry.generation == 7)
        #expect(rows[0].entry.queue == "payments")
        #expect(try await bench.store.journal(after: 3, atMost: 100).map(\.number) == [4])
    }

    @Test func theChainHoldsOverRestartsAndBreaksWhereARowIsChanged() async throws {
        let bench = try Bench()
        for boot in 1...3 {
            for index in 0..<5 { try await bench.done("e-\(boot)-\(index)") }
            try await bench.reopen()
        }
        #expect(try await brokenLinks(bench).isEmpty)
        try await bench.execute("UPDATE journal SET outcome = 'dead' WHERE number = 7")
        #expect(try await brokenLinks(bench) == [7])
    }

    /// The numbers of rows whose hash is not what row, writer and the hash before make it.
    private func brokenLinks(_ bench: Bench) async throws -> [Int64] {
        let rows = try await bench.store.journal(after: 0, atMost: 1_000)
        let store = try await bench.rows("SELECT value FROM meta WHERE key = 'store'")[0][0]
        var last = Hash.sha256([])
        var broken: [Int64] = []
        var boot: Int64 = 0
        for row in rows {
            let before = row.boot == boot ? last : JournalHead.genesis(store: store, boot: row.boot, after: last)
            boot = row.boot
            let head = JournalHead(number: row.number - 1, boot: boot, hash: before).next(row.entry)
            if head.hash != row.hash { broken.append(row.number) }
            last = row.hash
        }
        return broken
    }

    @Test func oldRowsGoInBatchesAndNumbersGoOn() async throws {
        let bench = try Bench()
        for index in 0..<5 { try await bench.done("e-\(index)") }
        bench.now = bench.now + .days(20)
        for index in 5..<8 { try await bench.done("e-\(index)") }
        bench.now = bench.now + .days(15)
        while try await bench.store.sweep(at: bench.now) > 0 {}
        #expect(try await bench.store.journal(after: 0, atMost: 100).map(\.number) == [6, 7, 8])
        bench.now = bench.now + .days(60)
        while try await bench.store.sweep(at: bench.now) > 0 {}
        #expect(try await bench.store.journal(after: 0, atMost: 100).map(\.number) == [8])
        try await bench.reopen()
        try await bench.done("new")
        #expect(try await bench.store.journal(after: 0, atMost: 100).map(\.number) == [8, 9])
        #expect(try await bench.store.statistics().journal == 2)
    }
}
