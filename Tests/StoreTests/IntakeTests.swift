import Cryptography
import Events
import Pipeline
import StoreCommon
import Support
import Testing

@testable import Store

@Suite struct IntakeTests {
    private func submission(
        _ bench: Bench, _ ids: [String], key: String? = nil, peer: String = "treasury", digest: String = "d",
        resource: String = "r", keep: Duration = .hours(24)
    ) -> Submission {
        let entries = ids.map { id in
            Submission.Entry(
                id: id, draft: bench.draft(resource), trace: Event.Trace(correlationID: "c-9", userID: "u-9"))
        }
        return Submission(
            peer: peer, idempotencyKey: key, digest: Hash.sha256(Array(digest.utf8)), entries: entries,
            keepUntil: bench.now + keep)
    }

    private func submit(_ bench: Bench, _ submission: Submission) async throws -> [String] {
        try await bench.store.submit(submission, at: bench.now)
    }

    @Test func whatWasTakenIsInTheOutboxAndInTheJournalUnderItsID() async throws {
        let bench = try Bench(.durable)
        #expect(try await submit(bench, submission(bench, ["p-1", "p-2"])) == ["p-1", "p-2"])
        try await bench.reopen()
        let due = try await bench.store.due(atMost: 10, excluding: [], at: bench.now)
        #expect(due.map(\.id) == ["p-1"])
        #expect(due[0].parent.isEmpty && due[0].trace.correlationID == "c-9" && due[0].draft == bench.draft("r"))
        try await bench.store.settle([PublicationResult(row: due[0].row, end: .sent)], at: bench.now)
        let second = try await bench.store.due(atMost: 10, excluding: [], at: bench.now)
        #expect(second.map(\.id) == ["p-2"])
        let failure = Failure(.publishRefused, "p-2", "no such bus")
        try await bench.store.settle([PublicationResult(row: second[0].row, end: .gaveUp(failure))], at: bench.now)
        var query = JournalQuery()
        query.correlationID = "c-9"
        let rows = try await bench.store.rows(query).map(\.entry)
        #expect(rows.map(\.event) == ["p-1", "p-2", "p-1", "p-2"])
        #expect(rows.map(\.outcome) == [.accepted, .accepted, .sent, .gaveUp])
        #expect(rows.allSatisfy { $0.kind == .publication && $0.direction == .outgoing && $0.userID == "u-9" })
        #expect(rows[3].code == "publish.refused" && rows[3].cause == "no such bus")
        #expect(try await bench.store.statistics().publications == 1)
        #expect(try bench.check().findings == [])
    }

    @Test func aKeyIsAnsweredWithTheFirstIDsAndAnotherRequestUnderItIsAConflict() async throws {
        let bench = try Bench(.durable)
        #expect(try await submit(bench, submission(bench, ["p-1"], key: "k")) == ["p-1"])
        try await bench.reopen()
        #expect(try await submit(bench, submission(bench, ["p-2"], key: "k")) == ["p-1"])
        #expect(try await bench.store.depth().rows == 1)
        let conflict = await failure { try await submit(bench, submission(bench, ["p-3"], key: "k", digest: "x")) }
        #expect(conflict?.code == .apiConflict)
        #expect(try await submit(bench, submission(bench, ["p-4"], key: "k", peer: "other")) == ["p-4"])
        bench.now = bench.now + .hours(25)
        #expect(try await submit(bench, submission(bench, ["p-5"], key: "k", digest: "x")) == ["p-5"])
        #expect(try await bench.store.statistics().submissions == 2)
        bench.now = bench.now + .hours(25)
        try await bench.settle()
        #expect(try await bench.store.statistics().submissions == 0)
    }

    @Test func twiceAtOnceIsTakenOnce() async throws {
        let bench = try Bench(.durable)
        let store = bench.store
        let now = bench.now
        let submissions = (0..<8).map { submission(bench, ["p-\($0)"], key: "k") }
        let answers = try await withThrowingTaskGroup(of: [String].self) { group in
            for submission in submissions { group.addTask { try await store.submit(submission, at: now) } }
            return try await group.reduce(into: Set<[String]>()) { $0.insert($1) }
        }
        #expect(answers.count == 1)
        #expect(try await bench.store.depth().rows == 1)
    }

    @Test func aFullOutboxTakesNothingNotEvenThePartThatWouldFit() async throws {
        let bench = try Bench(.durable)
        await bench.store.limitOutbox(OutboxLimits(rows: 2, bytes: 10_000))
        _ = try await submit(bench, submission(bench, ["p-1"]))
        let full = await failure { try await submit(bench, submission(bench, ["p-2", "p-3"], key: "k")) }
        #expect(full?.code == .publishOutboxFull)
        #expect(try await bench.store.depth().rows == 1)
        await bench.store.limitOutbox(OutboxLimits(rows: 100, bytes: 60))
        #expect(await failure { try await submit(bench, submission(bench, ["p-4"])) }?.code == .publishOutboxFull)
        await bench.store.limitOutbox(OutboxLimits())
        // The refused request was not remembered.
        #expect(try await submit(bench, submission(bench, ["p-5"], key: "k", digest: "x")) == ["p-5"])
    }

    @Test func theRelayIsWoken() async throws {
        let bench = try Bench(.durable)
        _ = try await submit(bench, submission(bench, ["p-1"]))
        for await _ in bench.store.outboxWrites { break }
    }

    @Test func anEphemeralStoreAnswersWhenTheBusHasThemAll() async throws {
        let bench = try Bench()
        let store = bench.store
        let (now, submission) = (bench.now, submission(bench, ["p-1", "p-2"], key: "k", resource: ""))
        let answer = Task { try await store.submit(submission, at: now) }
        for await _ in store.outboxWrites { break }
        let rows = try await store.due(atMost: 10, excluding: [], at: now).map(\.row)
        try await store.settle([PublicationResult(row: rows[0], end: .sent)], at: now)
        #expect(try await store.depth().rows == 1)
        try await store.settle([PublicationResult(row: rows[1], end: .sent)], at: now)
        #expect(try await answer.value == ["p-1", "p-2"])
        #expect(try await store.submit(submission, at: now) == ["p-1", "p-2"])
    }

    @Test func anEphemeralStoreSaysWhyTheBusWillNeverHaveIt() async throws {
        let bench = try Bench()
        let store = bench.store
        let (now, submission) = (bench.now, submission(bench, ["p-1"]))
        let answer = Task { try await store.submit(submission, at: now) }
        for await _ in store.outboxWrites { break }
        let row = try await store.due(atMost: 10, excluding: [], at: now)[0].row
        let why = Failure(.publishRefused, "p-1", "no")
        try await store.settle([PublicationResult(row: row, end: .gaveUp(why))], at: now)
        #expect(await failure { try await answer.value } == why)
        let waiting = self.submission(bench, ["p-2"])
        let cancelled = Task { try await store.submit(waiting, at: now) }
        for await _ in store.outboxWrites { break }
        cancelled.cancel()
        #expect(await failure { try await cancelled.value }?.code == .storeUnavailable)
    }
}
