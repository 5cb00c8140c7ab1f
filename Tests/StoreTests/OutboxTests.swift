import Events
import Pipeline
import StoreCommon
import Testing

@testable import Store

@Suite struct OutboxTests {
    private func due(_ bench: Bench, _ count: Int = 10, excluding: Set<Int64> = []) async throws -> [Publication] {
        try await bench.store.due(atMost: count, excluding: excluding, at: bench.now)
    }

    @Test func draftsBecomePublicationsUnderStableIDsWithTheTraceOfTheirParent() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(drafts: [bench.draft("a"), bench.draft("b")]))
        try await bench.reopen()
        let found = try await due(bench)
        #expect(found.map(\.draft) == [bench.draft("a"), bench.draft("b")])
        #expect(found.map(\.parent) == ["e-1", "e-1"])
        #expect(found[0].trace == bench.event("e-1").trace)
        #expect(found[0].committedAt == bench.now)
        #expect(found[0].row < found[1].row)
        let id = DerivedID.publication(
            parent: EventID(issuer: "key-1", text: "e-1"), handler: bench.handler, ordinal: 0)
        #expect(found[0].id == id)
        #expect(id == "e1751f991d111cd6611008330bc80a2033ae4db21fef1e2d4dbde29346c1164b")
    }

    @Test func aLoserPublishesNothing() async throws {
        let bench = try Bench()
        let lease = try await bench.lease("e-1")
        let effects = Effects(reads: [StateRead(key: Bytes("k"), version: 5)], drafts: [bench.draft("a")])
        #expect(try await bench.commit(lease, .done(effects)) == .lostState)
        #expect(try await bench.store.depth() == OutboxDepth(rows: 0, bytes: 0, oldest: nil))
    }

    @Test func onlyTheOldestOfAResourceIsDueAndInFlightItBlocksTheRest() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(drafts: [bench.draft("a"), bench.draft("a"), bench.draft("b")]))
        let first = try await due(bench)
        #expect(first.map(\.draft.resource) == ["a", "b"])
        #expect(try await due(bench, excluding: [first[0].row]).map(\.row) == [first[1].row])
        #expect(try await due(bench, 1, excluding: [first[0].row]).map(\.row) == [first[1].row])
        try await bench.store.settle([PublicationResult(row: first[0].row, end: .sent)], at: bench.now)
        let second = try await due(bench)
        #expect(second.map(\.draft.resource) == ["a", "b"])
        #expect(second[0].row > first[0].row)
    }

    @Test func anEventWithoutAResourceWaitsForNobody() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(drafts: [bench.draft(""), bench.draft(""), bench.draft("")]))
        #expect(try await due(bench).count == 3)
    }

    @Test func aRetriedRowHoldsItsResourceUntilItsTime() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(drafts: [bench.draft("a"), bench.draft("a")]))
        let row = try await due(bench)[0].row
        let later = bench.now + .seconds(5)
        let retry = PublicationResult(row: row, end: .retry(at: later, Failure(.publishUnavailable)))
        try await bench.store.settle([retry], at: bench.now)
        #expect(try await due(bench).isEmpty)
        bench.now = later
        #expect(try await due(bench).map(\.row) == [row])
        #expect(try await due(bench)[0].attempts == 1)
    }

    /// The machine's clock was hours ahead when the row was put off, and was set right.
    @Test func aRowThatAClockAheadPutOffIsDueAtOnce() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(drafts: [bench.draft("a")]))
        let row = try await due(bench)[0].row
        let ahead = bench.now + .hours(5)
        let retry = PublicationResult(row: row, end: .retry(at: ahead, Failure(.publishUnavailable)))
        try await bench.store.settle([retry], at: ahead)
        #expect(try await due(bench).map(\.row) == [row])
    }

    @Test(arguments: [StoreOptions.Durability.durable, .ephemeral])
    func whoWaitsForTheBusIsToldWhenAllThatItsEventPublishedHasGone(
        durability: StoreOptions.Durability
    ) async throws {
        let bench = try Bench(durability)
        try await bench.done("e-1", Effects(drafts: [bench.draft("a"), bench.draft("b")]))
        let parent = EventID(issuer: "key-1", text: "e-1")
        let rows = try await due(bench).map(\.row)
        let store = bench.store
        #expect(await store.sent(EventID(issuer: "key-1", text: "e-2")) == nil, "nothing of it waits")
        async let first = store.sent(parent)
        async let second = store.sent(parent)
        try await store.settle([PublicationResult(row: rows[0], end: .sent)], at: bench.now)
        let end = PublicationResult.End.gaveUp(Failure(.publishRefused, "bus", "MalformedDetail"))
        try await store.settle([PublicationResult(row: rows[1], end: end)], at: bench.now)
        #expect(await first?.code == .publishRefused)
        #expect(await second?.code == .publishRefused)
    }

    @Test func whoWaitsForTheBusIsReleasedWhenTheStoreCloses() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(drafts: [bench.draft("a")]))
        let store = bench.store
        async let answer = store.sent(EventID(issuer: "key-1", text: "e-1"))
        await store.close()
        #expect(await answer?.code == .storeUnavailable)
    }

    @Test func whatIsGivenUpIsKeptAndBlocksNobody() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(drafts: [bench.draft("a"), bench.draft("a")]))
        let row = try await due(bench)[0].row
        let end = PublicationResult.End.gaveUp(Failure(.publishRefused, "bus", "MalformedDetail"))
        try await bench.store.settle([PublicationResult(row: row, end: end)], at: bench.now)
        try await bench.store.settle([PublicationResult(row: row, end: end)], at: bench.now)
        #expect(try await due(bench).count == 1)
        #expect(try await bench.store.statistics().publications == 1)
        let kept = try await bench.rows("SELECT id, parent, code, attempts FROM publications")
        let id = DerivedID.publication(
            parent: EventID(issuer: "key-1", text: "e-1"), handler: bench.handler, ordinal: 0)
        #expect(kept == [[id, "e-1", "publish.refused", "1"]])
    }

    @Test func rowsNeverRepeatAndDepthFollows() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(drafts: [bench.draft("a"), bench.draft("b")]))
        let size = bench.draft("a").size
        let started = bench.now
        #expect(try await bench.store.depth() == OutboxDepth(rows: 2, bytes: 2 * size, oldest: started))
        let rows = try await due(bench).map(\.row)
        bench.now = bench.now + .seconds(1)
        try await bench.done("e-2", Effects(drafts: [bench.draft("c")]))
        try await bench.store.settle(rows.map { PublicationResult(row: $0, end: .sent) }, at: bench.now)
        #expect(try await bench.store.depth() == OutboxDepth(rows: 1, bytes: size, oldest: bench.now))
        try await bench.reopen()
        #expect(try await bench.store.depth() == OutboxDepth(rows: 1, bytes: size, oldest: bench.now))
        #expect(try await due(bench)[0].row == rows.max().map { $0 + 1 })
    }

    @Test func aCommitWithDraftsWakesTheRelayAndOneWithoutDoesNot() async throws {
        let bench = try Bench()
        var wakes = bench.store.outboxWrites.makeAsyncIterator()
        try await bench.done("e-1")
        try await bench.done("e-2", Effects(drafts: [bench.draft("a")]))
        await wakes.next()
        #expect(try await due(bench).map(\.parent) == ["e-2"])
        try await bench.done("e-3")
        await bench.store.close()
        #expect(await wakes.next() == nil)
    }
}
