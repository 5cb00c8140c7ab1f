import Events
import Pipeline
import StoreCommon
import Testing

@testable import Store

/// What the journal can give again.
@Suite struct JournalRecordsTests {
    private let query = ReplayQuery(from: Bench.start - .hours(1), to: Bench.start + .hours(1))

    private func bench(payloads: Bool = true) throws -> Bench {
        var options = JournalOptions()
        options.keepsPayloads = payloads
        return try Bench(journal: options)
    }

    private func page(
        _ bench: Bench, _ query: ReplayQuery? = nil, atMost count: Int = 100
    ) async throws -> RecordedPage {
        try await JournalRecords(bench.store).page(query ?? self.query, atMost: count)
    }

    @Test func anEventIsGivenAsItWasVerifiedWithTheLastWordOnIt() async throws {
        let bench = try bench()
        let retry = Commitment.Verdict.retry(Failure(.handleRetried))
        #expect(try await bench.commit(bench.lease("e-1"), retry) == .committed)
        try await bench.done("e-1")
        #expect(try await bench.claim(bench.request(bench.event("e-1"))).word == "done")
        let dead = Commitment.Verdict.dead(Failure(.handleRejected), shelved: nil)
        #expect(try await bench.commit(bench.lease("e-2"), dead) == .committed)
        let page = try await page(bench)
        #expect(page.events.map(\.event.id.text) == ["e-1", "e-2"])
        #expect(page.events.map(\.word) == [.done, .reject] && page.events[1].code == "handle.rejected")
        let (given, event) = (try #require(page.events.first), bench.event("e-1"))
        #expect(given.event.detail == event.detail && given.event.payloadDigest == event.payloadDigest)
        #expect((given.event.source, given.event.detailType) == (event.source, event.detailType))
        #expect(given.event.trace.correlationID == "c-1" && given.event.trace.tenantID == "t-1")
        #expect((given.queue, given.handler, given.message) == (bench.queue, bench.handler, MessageID("m-1")))
        #expect(page.next == nil && page.withoutPayload == 0)
    }

    @Test func onlyWhatIsMeantIsGivenAndAPageSaysWhereItEnded() async throws {
        let bench = try bench()
        for number in 1...5 { try await bench.done("e-\(number)") }
        let first = try await page(bench, atMost: 2)
        #expect(first.events.map(\.event.id.text) == ["e-1", "e-2"])
        var query = query
        query.after = try #require(first.next)
        #expect(try await page(bench, query).events.map(\.event.id.text) == ["e-3", "e-4", "e-5"])
        query = self.query
        query.handler = HandlerID("another")
        #expect(try await page(bench, query).events.isEmpty)
        query = self.query
        query.queue = QueueName("another")
        #expect(try await page(bench, query).events.isEmpty)
        query = ReplayQuery(from: Bench.start - .hours(1), to: Bench.start)
        #expect(try await page(bench, query).events.isEmpty)
    }

    @Test func whatWasNotKeptOrWasChangedIsCounted() async throws {
        let without = try bench(payloads: false)
        try await without.done("e-1")
        #expect(try await page(without).withoutPayload == 1)
        let changed = try bench()
        try await changed.done("e-1")
        try await changed.execute("UPDATE journal_bodies SET body = x'00'")
        let page = try await page(changed)
        #expect(page.events.isEmpty && page.withoutPayload == 1)
    }

    @Test func aTimerIsNoEventOfAQueue() async throws {
        let bench = try bench()
        let timer = TimerChange(key: Bytes("k"), at: bench.now, detail: Bytes("{}"))
        try await bench.done("e-1", Effects(timers: [timer]))
        let due = try await bench.store.due(of: [bench.handler], at: bench.now, atMost: 1)
        let lease = try #require(try await bench.claim(bench.request(due[0])).lease)
        #expect(try await bench.commit(lease) == .committed)
        #expect(try await page(bench).events.map(\.event.id.text) == ["e-1"])
    }
}
