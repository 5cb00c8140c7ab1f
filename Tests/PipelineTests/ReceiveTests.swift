import Events
import Testing

@testable import Pipeline

@Suite struct ReceiveTests {
    @Test func asksOnlyForWhatCanStart() throws {
        var bench = try Bench(inHand: 4)
        guard case .receive(let count)? = bench.tell(.start).first(where: { $0.isReceive }) else {
            Issue.record("no poll")
            return
        }
        #expect(count == 4)
        let full = bench.tell(.received(.success((0..<4).map { Bench.envelope("m\($0)") }), asked: 4))
        #expect(!full.contains { $0.isReceive })
    }

    @Test func anEmptyAnswerIsPolledAgainAtOnceAndAnErrorWithBackoff() throws {
        var bench = try Bench()
        bench.tell(.start)
        #expect(bench.tell(.received(.success([]), asked: 10)).contains { $0.isReceive })
        let failed = bench.tell(.received(.failure(Failure(.receiveUnavailable)), asked: 10))
        #expect(!failed.contains { $0.isReceive })
        #expect(bench.pass(.seconds(1)).contains { $0.isReceive })
    }

    @Test func aMessageThatIsInHandOnlyChangesItsHandle() throws {
        var bench = try Bench()
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a")])
        let again = bench.tell(.received(.success([Bench.envelope("a", receipt: "2")]), asked: 10))
        #expect(!again.contains { $0.isVerify })
        #expect(bench.commit(bench.answer(ran, .done(.none))).deleted == [ReceiptHandle("a#2")])
    }

    /// The queue gave it for its own 30 s; from then on it is ours for as long as is set.
    @Test func theFirstBeatComesBeforeTheQueuesOwnTimeoutEnds() throws {
        var bench = try Bench(visibility: .minutes(10))
        bench.tell(.start)
        bench.run([Bench.envelope("a")])
        #expect(bench.pass(.seconds(9)).extended.isEmpty)
        let beat = bench.pass(.seconds(1))
        #expect(beat.extended == [VisibilityChange(receipt: ReceiptHandle("a#1"), timeout: .minutes(10))])
        for case .extend(let ids, _) in beat {
            bench.tell(.extended(ids, ids.map { _ in nil }, held: ids.map { _ in true }))
        }
        #expect(bench.pass(.seconds(199)).extended.isEmpty)
        #expect(bench.pass(.seconds(1)).extended.count == 1)
    }

    @Test func noKeysPausesTheQueueAndBlamesNoMessage() throws {
        var bench = try Bench()
        bench.tell(.start)
        let received = bench.tell(.received(.success([Bench.envelope("a")]), asked: 10))
        guard case .verify(let ids, _)? = received.first(where: { $0.isVerify }) else { return }
        let failed = bench.tell(.verified(ids, [.failure(Failure(.verifyKeysUnavailable))]))
        #expect(failed.isPaused && !failed.contains { $0.isRefuse })
        #expect(bench.pass(.seconds(6)).contains { $0.isVerify })
    }

    @Test func anUnknownKeyIsQuarantinedAfterAnHour() throws {
        var bench = try Bench()
        bench.tell(.start)
        let failure = Failure(.verifyUnknownKey)
        let received = bench.tell(.received(.success([Bench.envelope("a")]), asked: 10))
        guard case .verify(let ids, _)? = received.first(where: { $0.isVerify }) else { return }
        #expect(!bench.tell(.verified(ids, [.failure(failure)])).contains { $0.isRefuse })
        let later = bench.pass(.minutes(61))
        guard case .verify(let again, _)? = later.first(where: { $0.isVerify }) else {
            Issue.record("not verified again")
            return
        }
        #expect(bench.tell(.verified(again, [.failure(failure)])).contains { $0.isRefuse })
    }

    @Test func aFullStoreStopsIntakeUntilItSaysOtherwise() throws {
        var bench = try Bench()
        bench.tell(.start)
        #expect(bench.tell(.pressure(area: "space", Failure(.storeFull))).isPaused)
        #expect(!bench.tell(.received(.success([]), asked: 10)).contains { $0.isReceive })
        #expect(bench.tell(.pressure(area: "space", nil)).contains { $0.isReceive })
    }

    @Test func theTailOfAGroupIsGivenBackInOrderAfterItsHeadWasAnswered() throws {
        var bench = try Bench(isFIFO: true)
        bench.tell(.start)
        let ran = bench.run(["a", "b", "c"].map { Bench.envelope($0, group: "g") } + [Bench.envelope("x", group: "h")])
        #expect(ran.batches.first?.assignments.map(\.event.id.text) == ["a", "x"])
        guard case .run(let ids, let batch)? = ran.first(where: { $0.isRun }) else { return }
        let outcomes: [Outcome] = [.retry(after: .minutes(10), Reason(code: "later")), .done(.none)]
        let committed = bench.commit(bench.tell(.answered(batch.handler, ids, .success(outcomes))))
        #expect(committed.givenBack.map(\.receipt.text) == ["a#1"])
        guard case .giveBack(let returned, let changes)? = committed.first(
            where: { if case .giveBack = $0 { true } else { false } })
        else { return }
        let tail = bench.tell(.returned(returned, receipts: changes.map(\.receipt), [nil]))
        #expect(tail.givenBack.map(\.receipt.text) == ["b#1", "c#1"])
        #expect(tail.givenBack.allSatisfy { $0.timeout == .zero })
    }

    @Test func failedVerificationHoldsNoPlaceInItsGroup() throws {
        var bench = try Bench(isFIFO: true)
        bench.tell(.start)
        let received = bench.tell(
            .received(.success(["bad", "good"].map { Bench.envelope($0, group: "g") }), asked: 10))
        guard case .verify(let ids, _)? = received.first(where: { $0.isVerify }) else { return }
        let verified = bench.tell(
            .verified(ids, [.failure(Failure(.verifyBadSignature)), .success(Bench.event("good"))]))
        #expect(verified.contains { $0.isRefuse } && verified.contains { $0.isClaim })
    }

    @Test func stoppingGivesBackWhatNeverStartedAndEndsWhenTheRestIsSettled() throws {
        var bench = try Bench(maximumBatch: 1)
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a"), Bench.envelope("b")])
        let stopping = bench.tell(.stop(deadline: bench.now + .seconds(25)))
        #expect(stopping.givenBack == [VisibilityChange(receipt: ReceiptHandle("b#1"), timeout: .zero)])
        guard case .giveBack(let back, let changes)? = stopping.first(
            where: { if case .giveBack = $0 { true } else { false } })
        else { return }
        bench.tell(.returned(back, receipts: changes.map(\.receipt), [nil]))
        let settled = bench.commit(bench.answer(ran, .done(.none)))
        guard case .delete(let ids, let receipts)? = settled.first(where: { $0.isDelete }) else { return }
        bench.tell(.deleted(ids, receipts: receipts, [nil]))
        // The long poll is left to end by itself.
        let ended = bench.tell(.received(.success([]), asked: 10))
        #expect(ended.contains { if case .stopped(left: 0) = $0 { true } else { false } })
    }
}
