import Cryptography
import Events
import Pipeline
import Support
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
        #expect(rows.map(\.entry.cause) == ["", "busy", "", ""])
        #expect(try await bench.store.journal(after: 3, atMost: 100).map(\.number) == [4])
        #expect(try await bench.store.newest() == 4)
    }

    @Test func aRowSaysAllThatIsKnownOfTheRun() async throws {
        let bench = try Bench()
        let lease = try await bench.lease("e-1")
        let run = RunRecord(
            deliveries: 3, waited: .milliseconds(12), took: .microseconds(3_450), retryAt: bench.now + .seconds(9))
        let commitment = Commitment(
            lease: lease, verdict: .retry(Failure(.handleRetried, "e-1", "busy")),
            history: History(attempts: 2, firstSeen: bench.now), keepUntil: bench.now + .days(1), generation: 7,
            run: run)
        #expect(try await bench.store.commit([commitment], at: bench.now) == [.committed])
        let entry = try #require(try await bench.store.journal(after: 0, atMost: 1).first?.entry)
        var expected = JournalEntry(time: bench.now, kind: .event, direction: .incoming, outcome: .retry)
        expected.queue = "payments"
        expected.message = "m-1"
        expected.issuer = "key-1"
        expected.event = "e-1"
        expected.correlationID = "c-1"
        expected.resource = "urn:qsl:treasury:payment:1"
        expected.source = "qsl.treasury"
        expected.detailType = "Payment.Created.v1"
        expected.tenantID = "t-1"
        expected.userID = "u-1"
        expected.keyID = "key-1"
        expected.stage = "handle"
        expected.code = "handle.retried"
        expected.cause = "busy"
        expected.handler = "treasury"
        expected.generation = 7
        expected.attempt = 2
        expected.deliveries = 3
        expected.sentAt = bench.now
        expected.waited = run.waited
        expected.took = run.took
        expected.retryAt = run.retryAt
        expected.payload = bench.event("e-1").payloadDigest
        #expect(entry == expected)
    }

    @Test func aDuplicateHasARowThatNamesTheEventThatWasDone() async throws {
        let bench = try Bench()
        let first = try await bench.lease("e-1", business: "b")
        #expect(try await bench.commit(first) == .committed)
        let repeated = bench.request(bench.event("e-1"), message: "m-2")
        #expect(try await bench.claim(repeated).word == "done")
        let other = bench.request(bench.event("e-2"), message: "m-3", business: "b")
        #expect(try await bench.claim(other).word == "done")
        // They go with the next transaction.
        try await bench.done("e-3")
        let rows = try await bench.store.journal(after: 1, atMost: 10).map(\.entry)
        #expect(rows.filter { $0.outcome == .duplicate }.map(\.message) == ["m-2", "m-3"])
        #expect(rows.filter { $0.outcome == .duplicate }.map(\.event) == ["e-1", "e-2"])
        #expect(rows.filter { $0.outcome == .duplicate }.map(\.parent) == ["e-1", "e-1"])
    }

    @Test func aDuplicateAloneIsWrittenSoonAndKeepsNobodyWaiting() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        let growth = bench.store.growth()
        #expect(try await bench.claim(bench.request(bench.event("e-1"), message: "m-2")).word == "done")
        for await _ in growth { break }
        #expect(try await bench.store.journal(after: 1, atMost: 10).map(\.entry.outcome) == [.duplicate])
    }

    @Test func whatWasVerifiedAndIsRefusedIsFoundByItsEvent() async throws {
        let bench = try Bench()
        let verified = Refusal.Verified(
            event: bench.event("e-1"), handler: bench.handler, generation: 2, attempts: 1)
        let refusal = Refusal(
            consumer: bench.queue, messageID: MessageID("m-1"),
            failure: Failure(.dedupConflict, "e-1", "other payload"), shelved: nil,
            keepUntil: bench.now + .days(1), sentAt: bench.now, deliveries: 2, body: Bytes("raw"), verified: verified)
        try await bench.store.refuse([refusal], at: bench.now)
        var query = JournalQuery()
        query.event = "e-1"
        let entry = try #require(try await bench.store.rows(query).first?.entry)
        #expect(entry.kind == .event && entry.outcome == .refused && entry.code == "dedup.conflict")
        #expect(entry.message == "m-1" && entry.deliveries == 2 && entry.correlationID == "c-1")
        query.event = "m-1"
        #expect(try await bench.store.rows(query).count == 1)
    }

    @Test func payloadsAreKeptBySettingAndShownWhenAskedFor() async throws {
        let bench = try Bench(journal: JournalOptions(keepsPayloads: true))
        let payload = "{\"amount\":1}"
        let lease = try #require(try await bench.claim(bench.request(bench.event("e-1", payload: payload))).lease)
        #expect(try await bench.commit(lease, .done(Effects(drafts: [bench.draft("a")]))) == .committed)
        let row = try await bench.store.due(atMost: 1, excluding: [], at: bench.now)[0].row
        try await bench.store.settle([PublicationResult(row: row, end: .sent)], at: bench.now)
        let refusal = Refusal(
            consumer: bench.queue, messageID: MessageID("m-9"), failure: Failure(.verifyMalformed), shelved: nil,
            keepUntil: bench.now + .days(1), sentAt: bench.now, deliveries: 1, body: Bytes("not JSON"), verified: nil)
        try await bench.store.refuse([refusal], at: bench.now)
        var query = JournalQuery()
        #expect(try await bench.store.rows(query).allSatisfy { $0.body == nil })
        query.withBodies = true
        let bodies = try await bench.store.rows(query).map { $0.body?.text }
        #expect(bodies == [payload, "{\"a\":1}", "not JSON"])
        #expect(try await bench.store.rows(query)[2].entry.payload == nil)
        let plain = try Bench()
        try await plain.done("e-1")
        #expect(try await plain.rows("SELECT count(*) FROM journal_bodies") == [["0"]])
    }

    @Test func theChainHoldsOverRestartsAndBreaksWhereARowIsChanged() async throws {
        let bench = try Bench()
        for boot in 1...3 {
            for index in 0..<5 { try await bench.done("e-\(boot)-\(index)") }
            try await bench.reopen()
        }
        #expect(try bench.check().findings == [])
        try await bench.falsify(7) { $0.userID = "somebody" }
        #expect(try bench.check().findings == [.changed(7)])
    }

    private static let changes: [@Sendable (inout JournalEntry) -> Void] = [
        { $0.time = $0.time + .milliseconds(1) }, { $0.cause = "x" }, { $0.took = .microseconds(5) },
        { $0.took = nil }, { $0.retryAt = nil }, { $0.payload = nil }, { $0.attempt = 9 }, { $0.deliveries = 9 },
        { $0.tenantID = "x" }, { $0.message = "x" }, { $0.parent = "x" }, { $0.direction = .outgoing },
        { $0.keyID = "x" }, { ($0.correlationID, $0.event) = ($0.correlationID + "e", String($0.event.dropFirst())) },
        { $0.outcome = .dead }, { $0.kind = .trial }, { $0.source = "x" }, { $0.detailType = "x" },
        { $0.resource = "x" }, { $0.userID = "x" }, { $0.queue = "x" }, { $0.issuer = "x" }, { $0.stage = "x" },
        { $0.code = "x" }, { $0.handler = "x" }, { $0.generation = 9 }, { $0.sentAt = nil }, { $0.waited = nil },
    ]

    private func retried() async throws -> Bench {
        let bench = try Bench()
        for index in 0..<3 {
            let lease = try await bench.lease("e-\(index)")
            let commitment = Commitment(
                lease: lease, verdict: .retry(Failure(.handleRetried)), history: History(firstSeen: bench.now),
                keepUntil: bench.now + .days(1), generation: 1,
                run: RunRecord(deliveries: 1, waited: .zero, took: .milliseconds(1), retryAt: bench.now))
            _ = try await bench.store.commit([commitment], at: bench.now)
        }
        return bench
    }

    @Test(arguments: changes.indices)
    func everyFieldIsInTheHash(place: Int) async throws {
        let bench = try await retried()
        try await bench.falsify(2, Self.changes[place])
        #expect(try bench.check().findings == [.changed(2)])
    }

    @Test(arguments: ["boot = 2", "entry = x''", "entry = CAST(entry || x'00' AS BLOB)", "hash = zeroblob(32)"])
    func whatIsNoRowIsFound(change: String) async throws {
        let bench = try await retried()
        try await bench.execute("UPDATE journal SET \(change) WHERE number = 2")
        #expect(try bench.check().findings.first == .changed(2))
    }
}

extension Bench {
    /// What a look at the file from outside says, while the store is open.
    func check(
        expected: [(number: Int64, hash: Digest)] = [],
        verifies: (@Sendable (HeadSignature, HeadStatement) -> Bool?)? = nil
    ) throws -> JournalReport {
        try JournalCheck(path: path, expected: expected, verifies: verifies).run()
    }

    func settle() async throws { while try await store.sweep(at: now) > 0 {} }
}
