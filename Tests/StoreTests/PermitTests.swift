import Events
import Pipeline
import Testing

@testable import Store

/// What an operator lets run once more.
@Suite struct PermitTests {
    private func claim(_ bench: Bench, _ id: String = "e-1", message: String = "m-2") async throws -> Claim {
        try await bench.claim(bench.request(bench.event(id), message: message))
    }

    @Test func aDoneEventRunsOnceMoreAndOnlyOnce() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        #expect(try await claim(bench).word == "done")
        try await bench.permit("e-1")
        let granted = try await claim(bench)
        #expect(granted.history == History(firstSeen: bench.now))
        #expect(try await bench.commit(#require(granted.lease)) == .committed)
        #expect(try await claim(bench, message: "m-3").word == "done")
        #expect(try await bench.store.permits(for: "e-1", at: bench.now).isEmpty)
        #expect(try await bench.store.statistics().permits == 0)
        // Duplicates are written beside: nobody waits for them.
        let rows = try await bench.store.journal(after: 0, atMost: 10).map(\.entry).filter { $0.outcome != .duplicate }
        #expect(rows.map(\.outcome) == [.done, .permitted, .done])
        #expect(rows.map(\.cause) == ["", "by ops (uid 7): lost", "permitted by override"])
    }

    @Test func anotherCopyInTheSameBatchDoesNotRunTwice() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        try await bench.permit("e-1")
        let copies = ["m-2", "m-3"].map { bench.request(bench.event("e-1"), message: $0) }
        let claims = try await bench.store.claim(copies, at: bench.now)
        #expect(claims.map(\.word) == ["granted", "in flight"])
        #expect(try await bench.commit(#require(claims[0].lease)) == .committed)
        #expect(try await claim(bench, message: "m-3").word == "done")
    }

    @Test func whatIsInFlightStaysSo() async throws {
        let bench = try Bench()
        _ = try await bench.lease("e-1")
        try await bench.permit("e-1")
        #expect(try await claim(bench).word == "in flight")
    }

    @Test func anEventThatIsTooOldRuns() async throws {
        let bench = try Bench()
        let old = bench.event("e-1", signedAt: bench.now - .days(20))
        #expect(try await bench.claim(bench.request(old)).failure?.code == .dedupExpired)
        try await bench.permit("e-1")
        let granted = try await bench.claim(bench.request(old))
        #expect(try await bench.commit(#require(granted.lease)) == .committed)
        #expect(try await bench.claim(bench.request(old, message: "m-2")).word == "done")
    }

    @Test func conflictsRun() async throws {
        let bench = try Bench()
        let first = try await bench.claim(bench.request(bench.event("e-1", token: "t"), business: "payment 1"))
        #expect(try await bench.commit(#require(first.lease)) == .committed)
        let conflicts = [
            bench.request(bench.event("e-2", token: "t", source: "qsl.other")),
            bench.request(bench.event("e-3", payload: "{\"other\":1}"), business: "payment 1"),
            bench.request(bench.event("e-1", payload: "{\"other\":2}")),
        ]
        for request in conflicts {
            #expect(try await bench.claim(request).failure?.code == .dedupConflict)
            try await bench.permit(request.event.id.text)
            let lease = try #require(try await bench.claim(request).lease)
            #expect(try await bench.commit(lease) == .committed)
        }
        // The one that ran before is still known: nothing was written over it, but where one id has two payloads.
        #expect(try await bench.store.statistics().ledger == 3)
    }

    @Test func aRunThatIsToBeTriedAgainKeepsItsCountAndWhatWasDoneStaysDone() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        try await bench.permit("e-1")
        let retry = Commitment.Verdict.retry(Failure(.handleRetried))
        #expect(try await bench.commit(#require(try await claim(bench).lease), retry) == .committed)
        try await bench.reopen()
        let again = try await claim(bench)
        #expect(again.history?.attempts == 1)
        let dead = Commitment.Verdict.dead(Failure(.handleExhausted), shelved: nil)
        #expect(try await bench.commit(#require(again.lease), dead) == .committed)
        #expect(try await claim(bench, message: "m-3").word == "done")
    }

    @Test func aReleasedClaimLeavesThePermit() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        try await bench.permit("e-1")
        await bench.store.release([try #require(try await claim(bench).lease)])
        #expect(try await claim(bench).word == "granted")
    }

    @Test func aPermitSurvivesARestartAndEndsByTime() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        try await bench.permit("e-1")
        try await bench.reopen()
        #expect(try await bench.store.permits(for: "e-1", at: bench.now).map(\.consumer) == [bench.queue])
        #expect(try StoreFile(bench.path).permits(for: "e-1", at: bench.now).count == 1)
        #expect(try await bench.store.accounts(of: "e-1").map(\.permittedUntil) == [bench.now + Limits.permit])
        bench.now = bench.now + Limits.permit
        #expect(try await claim(bench).word == "done")
        #expect(try await bench.store.permits(for: "e-1", at: bench.now).isEmpty)
        #expect(try await bench.store.sweep(at: bench.now) == 1)
        #expect(try await bench.store.statistics().permits == 0)
    }

    @Test func aPermitIsOfOneConsumer() async throws {
        let bench = try Bench()
        let audit = QueueName("audit")
        try await bench.done("e-1")
        let other = try await bench.claim(bench.request(bench.event("e-1"), queue: audit))
        #expect(try await bench.commit(#require(other.lease)) == .committed)
        try await bench.permit("e-1")
        #expect(try await bench.claim(bench.request(bench.event("e-1"), queue: audit)).word == "done")
        #expect(try await claim(bench).word == "granted")
    }

    @Test func oneThatIsGivenAnewWhileItsRunIsUnderWayIsAnother() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        try await bench.permit("e-1")
        let first = try #require(try await claim(bench).lease)
        bench.now = bench.now + .seconds(1)
        try await bench.permit("e-1")
        #expect(try await bench.commit(first) == .committed)
        #expect(try await claim(bench, message: "m-3").word == "granted")
    }
}
