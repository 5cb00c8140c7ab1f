import Events
import Testing

@testable import Pipeline

/// What a message costs between its receive and its end: visibility that is kept up, handles that age, waits that end.
@Suite struct HeldTests {
    private func answerBeats(_ actions: [Action], _ bench: inout Bench, _ failure: Failure? = nil) -> [Action] {
        actions.flatMap { action -> [Action] in
            guard case .extend(let ids, _) = action else { return [] }
            return bench.tell(.extended(ids, ids.map { _ in failure }, held: ids.map { _ in true }))
        }
    }

    // MARK: - visibility

    @Test func whatWaitsForAWorkerIsExtendedWithWhatRuns() throws {
        var bench = try Bench(maximumBatch: 1)
        bench.tell(.start)
        bench.run((1...12).map { Bench.envelope("m\($0)") })
        let names = Set(bench.pass(.seconds(10)).extended.map(\.receipt))
        #expect(names == Set((1...12).map { ReceiptHandle("m\($0)#1") }))
    }

    @Test func whatComesAgainCountsFromItsNewReceive() throws {
        var bench = try Bench()
        bench.tell(.start)
        bench.run([Bench.envelope("a")])
        _ = bench.pass(.seconds(9))
        bench.tell(.received(.success([Bench.envelope("a", receipt: "2", receives: 2)]), asked: 10))
        #expect(bench.pass(.seconds(9)).extended.isEmpty)
        #expect(bench.pass(.seconds(1)).extended.map(\.receipt) == [ReceiptHandle("a#2")])
    }

    @Test func aBeatThatFailsIsToldAndTheNextOneComes() throws {
        var bench = try Bench()
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a"), Bench.envelope("b")])
        let failed = answerBeats(bench.pass(.seconds(10)), &bench, Failure(.settleDelayFailed))
        let told = failed.count { if case .note(.settleFailed) = $0 { true } else { false } }
        #expect(told == 2)
        #expect(!failed.contains { if case .revoke = $0 { true } else { false } }, "the lease is another thing")
        #expect(bench.pass(.seconds(10)).extended.count == 2)
        #expect(bench.answer(ran, .done(.none)).contains { $0.isCommit })
    }

    @Test func aBeatUnderWayIsAwaitedBeforeAGiveBack() throws {
        var bench = try Bench()
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a")])
        let beat = bench.pass(.seconds(10))
        let retried = bench.commit(bench.answer(ran, .retry(after: .minutes(10), Reason(code: "x"))))
        #expect(retried.givenBack.isEmpty, "the beat would undo it")
        let after = answerBeats(beat, &bench)
        #expect(after.givenBack == [VisibilityChange(receipt: ReceiptHandle("a#1"), timeout: .minutes(10))])
        #expect(bench.pass(.minutes(5)).extended.isEmpty, "it is no longer ours")
    }

    /// SQS ends a visibility twelve hours after the receive, with an error: waits in memory end long before, and what
    /// is given back after them still fits.
    @Test(arguments: [Duration.minutes(1), .hours(11)])
    func whatIsHeldForLongIsGivenBackLongBeforeTheTwelveHours(lastWait: Duration) throws {
        var bench = try Bench(attempts: 100_000, retention: .days(14))
        bench.tell(.start)
        var actions = bench.run([Bench.envelope("a")])
        var given: [VisibilityChange] = []
        while given.isEmpty, bench.now < Bench.start + .hours(12) {
            let isLate = bench.now - Bench.start > Limits.heldAtMost - .minutes(2)
            let wait = isLate ? lastWait : .minutes(1)
            actions = step(actions, &bench, wait)
            if actions.isEmpty { actions = bench.pass(.seconds(10)) }
            given = actions.givenBack
        }
        let change = try #require(given.first)
        let held = bench.now - Bench.start
        #expect(held <= Limits.heldAtMost + .minutes(2))
        #expect(held + change.timeout < .hours(12))
    }

    /// Answers what is asked of the world, the handler's part by a retry.
    private func step(_ actions: [Action], _ bench: inout Bench, _ wait: Duration) -> [Action] {
        var next = answerBeats(actions, &bench)
        if actions.contains(where: \.isClaim) { next += bench.grant(actions) }
        if actions.contains(where: \.isRun) { next += bench.answer(actions, .retry(after: wait, Reason(code: "x"))) }
        if actions.contains(where: \.isCommit) { next += bench.commit(actions) }
        return next
    }

    // MARK: - duplicates, lag, quarantine

    @Test func aCopyOfWhatIsBeingRunWaitsAndIsThenADuplicate() throws {
        var bench = try Bench()
        bench.tell(.start)
        let claimed = bench.receive([Bench.envelope("copy")])
        guard case .claim(let ids, _)? = claimed.first(where: { $0.isClaim }) else {
            Issue.record("not claimed")
            return
        }
        let waits = bench.tell(.claimed(ids, .success([.inFlight])))
        #expect(waits.deleted.isEmpty && waits.givenBack.isEmpty && !waits.contains { $0.isRun || $0.isCommit })
        var again = bench.pass(.seconds(10))
        while !again.contains(where: \.isClaim), bench.now < Bench.start + .minutes(5) {
            _ = answerBeats(again, &bench)
            again = bench.pass(.seconds(10))
        }
        _ = answerBeats(again, &bench)
        #expect(bench.tell(.claimed(ids, .success([.done]))).deleted == [ReceiptHandle("copy#1")])
    }

    /// What was done stays known for as long as the queue could give it again, and a dead event for as long as its
    /// letter could be sent back.
    @Test func aRowOutlivesWhatTheQueueCouldStillGive() throws {
        func kept(_ outcome: Outcome) throws -> Duration? {
            var bench = try Bench(retention: .days(4))
            bench.tell(.start)
            let answered = bench.answer(bench.run([Bench.envelope("a")]), outcome)
            let commitments = answered.compactMap { if case .commit(_, let each) = $0 { each.first } else { nil } }
            return commitments.first.map { $0.keepUntil - bench.now }
        }
        #expect(try kept(.done(.none)) == .days(5))
        #expect(try kept(.reject(Reason(code: "no"))) == .days(5 + 14))
        #expect(try kept(.retry(after: nil, Reason(code: "later"))) == .days(5 + 14))
    }

    /// A poisonous message that comes again and again would be all that a metric of ages shows.
    @Test func onlyAFirstRunCountsAsLag() throws {
        func waited(_ envelope: Envelope, attempts: Int = 0) throws -> Duration? {
            var bench = try Bench()
            bench.tell(.start)
            bench.now = bench.now + .seconds(7)
            let ran = bench.grant(bench.receive([envelope]), attempts: attempts)
            for case .note(.handled(let runs)) in bench.answer(ran, .done(.none)) { return runs.first?.waited }
            return nil
        }
        #expect(try waited(Bench.envelope("a")) == .seconds(7))
        #expect(try waited(Bench.envelope("a", receives: 2)) == nil)
        #expect(try waited(Bench.envelope("a"), attempts: 1) == nil)
    }

    @Test func whatWasNeverVerifiedGoesToQuarantineAsItCame() throws {
        var bench = try Bench()
        bench.tell(.start)
        let received = bench.tell(.received(.success([Bench.envelope("garbage")]), asked: 10))
        guard case .verify(let ids, _)? = received.first(where: { $0.isVerify }) else {
            Issue.record("not verified")
            return
        }
        let refused = bench.tell(.verified(ids, [.failure(Failure(.verifyMalformed))]))
        #expect(refused.isRefused(ids) && refused.letters.isEmpty && refused.deleted.isEmpty)
        let recorded = bench.tell(.refused(ids, nil))
        guard case .sendLetter(let id, let letter, let isQuarantine)? = recorded.first(where: { $0.isLetter }) else {
            Issue.record("no letter")
            return
        }
        #expect(isQuarantine && letter.body.text == "garbage")
        #expect(bench.tell(.letterSent(id, nil)).deleted == [ReceiptHandle("garbage#1")])
    }

    // MARK: - stop

    @Test func whileItStopsWhatRunsIsKeptUpAndSettled() throws {
        var bench = try Bench()
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a")])
        bench.tell(.stop(deadline: bench.now + .seconds(25)))
        let beat = bench.pass(.seconds(10))
        #expect(beat.extended.map(\.receipt) == [ReceiptHandle("a#1")])
        _ = answerBeats(beat, &bench)
        let settled = bench.commit(bench.answer(ran, .done(.none)))
        #expect(settled.deleted == [ReceiptHandle("a#1")])
        #expect(!settled.isStopped, "the delete is awaited")
    }

    @Test func aStopHasAnEndWhateverRuns() throws {
        var bench = try Bench()
        bench.tell(.start)
        bench.run([Bench.envelope("a")])
        bench.tell(.stop(deadline: bench.now + .seconds(25)))
        #expect(!bench.pass(.seconds(24)).isStopped)
        #expect(bench.pass(.seconds(1)).isStopped)
    }

    // MARK: - backoff

    @Test func aDelayIsDrawnFromAllOfItsStepAndNeverBeyondTheCap() {
        let backoff = Backoff(base: .seconds(1), cap: .seconds(60))
        for (attempt, most) in [(1, 1), (2, 2), (5, 16), (7, 60), (1_000, 60)] as [(Int, Int64)] {
            var random = SeededGenerator(seed: UInt64(attempt))
            let draws = (0..<1_000).map { _ in backoff.delay(attempt: attempt, random: &random).milliseconds }
            #expect(draws.allSatisfy { (0...most * 1_000).contains($0) })
            // Full jitter: as a rule neither the same nor at the end of the step.
            #expect((draws.min() ?? 0) < most * 100 && (draws.max() ?? 0) > most * 900)
        }
    }
}

extension [Action] {
    fileprivate var isStopped: Bool { contains { if case .stopped = $0 { true } else { false } } }
    fileprivate func isRefused(_ ids: [ItemID]) -> Bool {
        contains { if case .refuse(let refused, _) = $0 { refused == ids } else { false } }
    }
}
