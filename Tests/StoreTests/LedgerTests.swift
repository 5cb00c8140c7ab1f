import Events
import Pipeline
import Synchronization
import Testing

@testable import Store

@Suite struct LedgerTests {
    @Test func aNewEventIsGrantedAndADoneOneIsADuplicateAlsoAfterARestart() async throws {
        let bench = try Bench()
        let lease = try await bench.lease("e-1")
        #expect(try await bench.commit(lease) == .committed)
        #expect(try await bench.claim(bench.request(bench.event("e-1"))).word == "done")
        try await bench.reopen()
        #expect(try await bench.claim(bench.request(bench.event("e-1"), message: "m-2")).word == "done")
        #expect(try await bench.claim(bench.request(bench.event("e-2"))).word == "granted")
    }

    @Test func aCopyInTheSameBatchIsInFlight() async throws {
        let bench = try Bench()
        let copies = ["m-1", "m-2", "m-3"].map { bench.request(bench.event("e-1"), message: $0) }
        let claims = try await bench.store.claim(copies, at: bench.now)
        #expect(claims.map(\.word) == ["granted", "in flight", "in flight"])
    }

    @Test func identitiesBelongToTheConsumer() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        let other = bench.request(bench.event("e-1"), queue: QueueName("audit"))
        #expect(try await bench.claim(other).word == "granted")
    }

    @Test func oneTokenUnderTwoIDsIsOneEvent() async throws {
        let bench = try Bench()
        let first = try await bench.claim(bench.request(bench.event("e-1", token: "t")))
        #expect(try await bench.claim(bench.request(bench.event("e-2", token: "t"))).word == "in flight")
        let retry = Commitment.Verdict.retry(Failure(.handleRetried))
        #expect(try await bench.commit(#require(first.lease), retry) == .committed)
        let second = try await bench.claim(bench.request(bench.event("e-2", token: "t")))
        #expect(second.history?.attempts == 1)
        #expect(try await bench.commit(#require(second.lease)) == .committed)
        #expect(try await bench.claim(bench.request(bench.event("e-1", token: "t"))).word == "done")
        #expect(try await bench.claim(bench.request(bench.event("e-3", token: "t"))).word == "done")
        #expect(try await bench.store.statistics().ledger == 1)
    }

    @Test func aKnownTokenUnderAnotherLabelIsAConflict() async throws {
        let bench = try Bench()
        let lease = try await bench.claim(bench.request(bench.event("e-1", token: "t"))).lease
        let relabelled = bench.request(bench.event("e-2", token: "t", source: "qsl.other"))
        #expect(try await bench.claim(relabelled).failure?.code == .dedupConflict)
        #expect(try await bench.commit(#require(lease)) == .committed)
        #expect(try await bench.claim(relabelled).failure?.code == .dedupConflict)
    }

    @Test func aBusinessKeyIsDoneOnceAndAnotherPayloadIsAConflict() async throws {
        let bench = try Bench()
        let lease = try await bench.lease("e-1", business: "payment 1")
        #expect(try await bench.claim(bench.request(bench.event("e-2"), business: "payment 1")).word == "in flight")
        #expect(try await bench.commit(lease) == .committed)
        #expect(try await bench.claim(bench.request(bench.event("e-2"), business: "payment 1")).word == "done")
        let other = bench.event("e-3", payload: "{\"other\":1}")
        #expect(try await bench.claim(bench.request(other, business: "payment 1")).failure?.code == .dedupConflict)
        let elsewhere = bench.request(bench.event("e-4"), business: "payment 1", handler: HandlerID("compliance"))
        #expect(try await bench.claim(elsewhere).word == "granted")
    }

    @Test func attemptsAndStrikesRideInTheCommit() async throws {
        let bench = try Bench()
        let lease = try await bench.lease("e-1")
        let retry = Commitment(
            lease: lease, verdict: .retry(Failure(.handleRetried)),
            history: History(
                attempts: 3, spent: ["timeout": 2, "bank-down": 1], strikes: 2, firstSeen: Bench.start),
            keepUntil: bench.now + .days(1), generation: 1)
        #expect(try await bench.store.commit([retry], at: bench.now) == [.committed])
        try await bench.reopen()
        let history = try await bench.claim(bench.request(bench.event("e-1"))).history
        let expected = History(attempts: 3, spent: ["timeout": 2, "bank-down": 1], strikes: 2, firstSeen: Bench.start)
        #expect(history == expected)
    }

    @Test func aDeadMessageFinishesItsLetterAndARedrivenOneStartsAfresh() async throws {
        let bench = try Bench()
        let verdict = Failure(.handleRejected, "treasury", "no such account")
        let lease = try await bench.lease("e-1", message: "m-1")
        #expect(try await bench.commit(lease, .dead(verdict, shelved: nil)) == .committed)
        try await bench.reopen()
        #expect(try await bench.claim(bench.request(bench.event("e-1"), message: "m-1")).failure == verdict)
        let redriven = try await bench.claim(bench.request(bench.event("e-1"), message: "m-2"))
        #expect(redriven.history == History(firstSeen: Bench.start))
    }

    @Test func anEventWithARowGoesOnHoweverOldAndOneWithoutDoesNot() async throws {
        let bench = try Bench()
        let signed = bench.now
        let lease = try await bench.lease("e-1")
        let retry = bench.commitment(lease, .retry(Failure(.handleRetried)), keep: .days(30))
        #expect(try await bench.store.commit([retry], at: bench.now) == [.committed])
        bench.now = bench.now + .days(10)
        #expect(try await bench.claim(bench.request(bench.event("e-1", signedAt: signed))).word == "granted")
        let unseen = try await bench.claim(bench.request(bench.event("e-2", signedAt: signed)))
        #expect(unseen.failure?.code == .dedupExpired)
    }

    @Test func rowsPastTheirTimeCountForNothingBeforeAndAfterTheSweep() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        try await bench.done("e-2")
        bench.now = bench.now + .days(6)
        #expect(try await bench.claim(bench.request(bench.event("e-1"))).word == "granted")
        #expect(try await bench.store.sweep(at: bench.now) == 2)
        #expect(try await bench.store.sweep(at: bench.now) == 0)
        #expect(try await bench.store.statistics().ledger == 0)
        #expect(try await bench.claim(bench.request(bench.event("e-2"))).word == "granted")
    }

    @Test func aRowThatIsUsedAgainAfterItsTimeIsNotDoubled() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        bench.now = bench.now + .days(6)
        try await bench.done("e-1")
        #expect(try await bench.store.statistics().ledger == 1)
        #expect(try await bench.claim(bench.request(bench.event("e-1"))).word == "done")
    }

    @Test func aSweepRemovesAllThatIsOverBatchByBatch() async throws {
        let bench = try Bench()
        for round in 0..<12 {
            let requests = (0..<100).map { bench.request(bench.event("e-\(round)-\($0)")) }
            let leases = try await bench.store.claim(requests, at: bench.now).compactMap(\.lease)
            _ = try await bench.store.commit(leases.map { bench.commitment($0) }, at: bench.now)
        }
        #expect(try await bench.store.statistics().ledger == 1_200)
        #expect(try await bench.store.sweep(at: bench.now + .days(5)) == 1_200)
        #expect(try await bench.store.statistics().ledger == 0)
    }

    @Test func aLeaseEndsByTimeAndItsFenceWithIt() async throws {
        let bench = try Bench()
        let old = try await bench.lease("e-1")
        bench.now = bench.now + .seconds(31)
        let new = try await bench.lease("e-1")
        #expect(new.fence > old.fence)
        #expect(try await bench.commit(old) == .lostClaim)
        #expect(await bench.store.renew([old, new], until: bench.now + .seconds(60)) == [false, true])
        #expect(try await bench.commit(new) == .committed)
    }

    @Test func aRenewedLeaseHolds() async throws {
        let bench = try Bench()
        let lease = try await bench.lease("e-1")
        #expect(await bench.store.renew([lease], until: bench.now + .minutes(5)) == [true])
        bench.now = bench.now + .minutes(4)
        #expect(try await bench.claim(bench.request(bench.event("e-1"))).word == "in flight")
    }

    @Test func aReleasedClaimIsFreeAndCountsNothing() async throws {
        let bench = try Bench()
        let lease = try await bench.lease("e-1")
        await bench.store.release([lease])
        #expect(try await bench.commit(lease) == .lostClaim)
        #expect(try await bench.claim(bench.request(bench.event("e-1"))).history?.attempts == 0)
    }

    @Test func claimsEndWithTheProcessAndFencesNeverRepeat() async throws {
        let bench = try Bench()
        let before = try await bench.lease("e-1")
        try await bench.reopen()
        let after = try await bench.lease("e-1")
        #expect(after.fence > before.fence)
        #expect(try await bench.commit(before) == .lostClaim)
        #expect(try await bench.commit(after) == .committed)
    }

    @Test func committingALeaseAgainIsHarmless() async throws {
        let bench = try Bench()
        let lease = try await bench.lease("e-1")
        let effects = Effects(drafts: [bench.draft("r")])
        let twice = [bench.commitment(lease, .done(effects)), bench.commitment(lease, .done(effects))]
        #expect(try await bench.store.commit(twice, at: bench.now) == [.committed, .committed])
        #expect(try await bench.commit(lease, .done(effects)) == .committed)
        #expect(try await bench.store.depth().rows == 1)
    }

    @Test func concurrentCommitsShareTransactionsAndAllCount() async throws {
        let transactions = Mutex<[Int]>([])
        let bench = try Bench(.durable) { event in
            if case .committed(let calls, _) = event { transactions.withLock { $0.append(calls) } }
        }
        let requests = (0..<200).map { bench.request(bench.event("e-\($0)"), message: "m-\($0)") }
        let leases = try await bench.store.claim(requests, at: bench.now).compactMap(\.lease)
        #expect(leases.count == 200)
        let store = bench.store
        let now = bench.now
        let commitments = leases.map { bench.commitment($0) }
        let results = try await withThrowingTaskGroup(of: [CommitResult].self) { group in
            for one in commitments { group.addTask { try await store.commit([one], at: now) } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(results == Array(repeating: .committed, count: 200))
        #expect(transactions.withLock { $0.reduce(0, +) } == 200)
        #expect(transactions.withLock { $0.count } < 200)
        try await bench.reopen()
        let again = try await bench.store.claim(requests, at: bench.now)
        #expect(again.allSatisfy { $0.word == "done" })
    }

    @Test func effectsBeyondTheLimitsAreRefusedAndTheNeighboursCount() async throws {
        let bench = try Bench()
        let large = try await bench.lease("e-1")
        let small = try await bench.lease("e-2")
        let value = Bytes(repeating: 1, count: Limits.stateValueBytes + 1)
        let effects = Effects(writes: [StateWrite(key: Bytes("k"), value: value, expected: nil)])
        let results = try await bench.store.commit(
            [bench.commitment(large, .done(effects)), bench.commitment(small)], at: bench.now)
        guard case .refused(let failure) = results[0] else {
            Issue.record("\(results[0])")
            return
        }
        #expect(failure.code == .handleTooLarge)
        #expect(results[1] == .committed)
        #expect(try await bench.value("k").version == 0)
        #expect(try await bench.commit(large, .dead(failure, shelved: nil)) == .committed)
    }
}
