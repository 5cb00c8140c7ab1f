import Events
import Pipeline
import Testing

@testable import Store

@Suite struct ShelfTests {
    private func refusal(_ bench: Bench, _ message: String, letter: DeadLetter? = nil) -> Refusal {
        Refusal(
            consumer: bench.queue, messageID: MessageID(message),
            failure: Failure(.verifyBadSignature, "key-1", "no variant verifies"), shelved: letter,
            keepUntil: bench.now + .days(1), sentAt: bench.now, deliveries: 1, body: Bytes("raw"), verified: nil)
    }

    @Test func aRefusalIsRecordedOnceUnderQueueAndMessage() async throws {
        let bench = try Bench()
        try await bench.store.refuse([refusal(bench, "m-1"), refusal(bench, "m-2")], at: bench.now)
        try await bench.store.refuse([refusal(bench, "m-1")], at: bench.now)
        #expect(try await bench.store.statistics().refusals == 2)
        #expect(try await bench.store.statistics().letters == 0)
        let journal = try await bench.store.journal(after: 0, atMost: 10)
        #expect(journal.map(\.entry.message) == ["m-1", "m-2"])
        #expect(journal.allSatisfy { $0.entry.kind == .refusal && $0.entry.code == "verify.bad-signature" })
        #expect(journal.allSatisfy { $0.entry.source.isEmpty && $0.entry.resource.isEmpty })
    }

    @Test func aShelvedLetterIsKeptWhole() async throws {
        let bench = try Bench()
        try await bench.store.refuse([refusal(bench, "m-1", letter: bench.letter("raw bytes"))], at: bench.now)
        let lease = try await bench.lease("e-1", message: "m-2")
        let verdict = Commitment.Verdict.dead(Failure(.handleRejected), shelved: bench.letter("other bytes"))
        #expect(try await bench.commit(lease, verdict) == .committed)
        try await bench.reopen()
        #expect(try await bench.store.statistics().letters == 2)
        let letters = try await bench.rows(
            "SELECT queue, message, CAST(body AS TEXT), failure, deduplication FROM letters ORDER BY message")
        #expect(letters == [
            ["payments", "m-1", "raw bytes", "{\"code\":\"x\"}", "d"],
            ["payments", "m-2", "other bytes", "{\"code\":\"x\"}", "d"],
        ])
    }

    @Test func refusalsAreSweptAndLettersStay() async throws {
        let bench = try Bench()
        try await bench.store.refuse([refusal(bench, "m-1", letter: bench.letter())], at: bench.now)
        bench.now = bench.now + .days(2)
        #expect(try await bench.store.sweep(at: bench.now) == 1)
        #expect(try await bench.store.statistics().refusals == 0)
        #expect(try await bench.store.statistics().letters == 1)
    }
}
