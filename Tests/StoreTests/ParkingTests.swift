import Events
import Pipeline
import Testing

@testable import Store

/// FIFO groups that stand behind an event which failed for good.
@Suite struct ParkingTests {
    private func claim(
        _ bench: Bench, _ id: String, message: String = "m", group: String? = "g", queue: QueueName? = nil
    ) async throws -> Claim {
        try await bench.claim(bench.request(bench.event(id), message: message, group: group, queue: queue))
    }

    /// Parks the group behind `e-1`.
    private func park(_ bench: Bench) async throws {
        let lease = try #require(try await claim(bench, "e-1").lease)
        let verdict = Commitment.Verdict.dead(Failure(.handleRejected), shelved: nil, parks: true)
        #expect(try await bench.commit(lease, verdict) == .committed)
    }

    @Test func everyOtherEventOfAParkedGroupIsRefusedAndOtherGroupsGoOn() async throws {
        let bench = try Bench()
        try await park(bench)
        try await bench.reopen()
        let refused = try await claim(bench, "e-2").failure
        #expect(refused == Failure(.dedupParked, "e-2", "its group is parked behind e-1"))
        #expect(try await claim(bench, "e-3", group: "h").word == "granted")
        #expect(try await claim(bench, "e-4", group: nil).word == "granted")
        #expect(try await claim(bench, "e-5", queue: QueueName("audit")).word == "granted")
        let parked = [
            ParkedGroup(
                consumer: bench.queue, group: "g", event: EventID(issuer: "key-1", text: "e-1"), since: bench.now)
        ]
        #expect(try await bench.store.parkedGroups(at: bench.now) == parked)
        #expect(try StoreFile(bench.path).parkedGroups(at: bench.now) == parked)
        #expect(try await bench.store.statistics().parked == 1)
    }

    @Test func theEventItselfMayRunAndFreesItsGroupWhenItIsDone() async throws {
        let bench = try Bench()
        try await park(bench)
        #expect(try await claim(bench, "e-1").word == "dead")
        let redriven = try #require(try await claim(bench, "e-1", message: "again").lease)
        #expect(try await claim(bench, "e-1", message: "copy").word == "in flight")
        #expect(try await claim(bench, "e-2").failure?.code == .dedupParked)
        #expect(try await bench.commit(redriven) == .committed)
        #expect(try await bench.store.statistics().parked == 0)
        #expect(try await claim(bench, "e-2").word == "granted")
    }

    @Test func oneThatFailsAgainKeepsItsGroupParked() async throws {
        let bench = try Bench()
        try await park(bench)
        let redriven = try #require(try await claim(bench, "e-1", message: "again").lease)
        bench.now = bench.now + .days(4)
        let verdict = Commitment.Verdict.dead(Failure(.handleRejected), shelved: nil, parks: true)
        #expect(try await bench.commit(redriven, verdict) == .committed)
        bench.now = bench.now + .days(4)
        #expect(try await claim(bench, "e-2").failure?.code == .dedupParked)
        #expect(try await bench.store.statistics().parked == 1)
    }

    @Test func aDuplicateOfADoneEventStaysOneAndAPermitDoesNotPass() async throws {
        let bench = try Bench()
        try await bench.done("e-0")
        try await park(bench)
        #expect(try await claim(bench, "e-0").word == "done")
        try await bench.permit("e-0")
        #expect(try await claim(bench, "e-0").failure?.code == .dedupParked)
    }

    @Test func anOperatorFreesAGroup() async throws {
        let bench = try Bench()
        try await park(bench)
        var entry = JournalEntry(time: bench.now, kind: .letter, direction: .incoming, outcome: .freed)
        (entry.queue, entry.cause) = (bench.queue.text, "by ops (uid 7): e-1 is settled by hand")
        #expect(try await bench.store.free("h", of: bench.queue, entry) == false)
        #expect(try await bench.store.free("g", of: bench.queue, entry))
        #expect(try await bench.store.free("g", of: bench.queue, entry) == false)
        #expect(try await claim(bench, "e-2").word == "granted")
        let rows = try await bench.store.journal(after: 0, atMost: 10).map(\.entry)
        #expect(rows.map(\.outcome) == [.dead, .freed] && rows.last?.event == "e-1")
    }

    @Test func discardingTheLetterOfTheEventFreesTheGroup() async throws {
        let bench = try Bench()
        try await park(bench)
        var entry = JournalEntry(time: bench.now, kind: .letter, direction: .incoming, outcome: .discarded)
        (entry.queue, entry.event, entry.cause) = (bench.queue.text, "e-9", "by ops (uid 7): obsolete")
        try await bench.store.record([entry])
        #expect(try await claim(bench, "e-2").failure?.code == .dedupParked)
        entry.event = "e-1"
        try await bench.store.record([entry])
        #expect(try await claim(bench, "e-2").word == "granted")
        let rows = try await bench.store.journal(after: 0, atMost: 10).map(\.entry)
        #expect(rows.map(\.outcome) == [.dead, .discarded, .discarded, .freed])
    }

    @Test func aParkedGroupEndsWithTheRowOfItsEvent() async throws {
        let bench = try Bench()
        try await park(bench)
        bench.now = bench.now + .days(5)
        #expect(try await bench.store.parkedGroups(at: bench.now).isEmpty)
        #expect(try await claim(bench, "e-2").word == "granted")
        #expect(try await bench.store.sweep(at: bench.now) == 2)
        #expect(try await bench.store.statistics().parked == 0)
    }
}
