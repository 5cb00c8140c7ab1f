import Events
import Testing

@testable import Pipeline

@Suite struct HandleTests {
    @Test func attemptsAreCountedInTheCommitAndTheLastIsTheDeadLetter() throws {
        var bench = try Bench(attempts: 2)
        bench.tell(.start)
        let first = bench.answer(bench.run([Bench.envelope("a")]), .retry(after: .seconds(1), Reason(code: "x")))
        guard case .retry? = first.verdict, case .commit(_, let commitments)? = first.first(where: { $0.isCommit })
        else {
            Issue.record("no retry")
            return
        }
        #expect(commitments[0].history.attempts == 1)
        bench.commit(first)
        let again = bench.grant(bench.pass(.seconds(1)), attempts: 1)
        guard case .dead(let failure, _, _)? = bench.answer(again, .retry(after: nil, Reason(code: "y"))).verdict else {
            Issue.record("not dead")
            return
        }
        #expect(failure.code == .handleExhausted)
        #expect(failure.cause.contains("y"))
    }

    @Test func aWaitIsNoAttemptAndManyOpenTheCircuit() throws {
        var bench = try Bench(maximumBatch: 1)
        bench.tell(.start)
        bench.tell(.received(.success([]), asked: 10))
        var actions = bench.run((0..<6).map { Bench.envelope("m\($0)") })
        var polled = false
        for _ in 0..<Circuit.waitsThatOpen {
            actions = bench.answer(actions, .wait(after: .minutes(1), Reason(code: "bank.down")))
            #expect(!actions.contains { $0.isCommit })
        }
        polled = bench.tell(.received(.success([]), asked: 10)).contains { $0.isReceive }
        #expect(!polled, "an open circuit takes nothing in")
        #expect(bench.pass(.minutes(3)).contains { $0.isClaim })
    }

    /// Batches of ten that wait together are one outage: the first probe is soon, whatever their number.
    @Test func whatWasUnderWayWhenTheCircuitOpenedDoesNotKeepItOpenLonger() throws {
        let start = Instant(unixSeconds: 1_000)
        for seed in 1...20 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            var circuit = Circuit()
            for _ in 0..<40 { circuit.waited(at: start, random: &random) }
            let probe = try #require(circuit.probeAt)
            #expect(probe - start <= Circuit.backoff.base)
            // A probe that waits, too, is another opening.
            circuit.waited(at: probe, random: &random)
            #expect(try #require(circuit.probeAt) - probe <= Circuit.backoff.base * 2)
            #expect(circuit.limit(at: probe - .milliseconds(1)) == 0)
        }
    }

    @Test func aSuspectRunsAloneWithoutAStrikeAndItsNeighboursGoOn() throws {
        var bench = try Bench()
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("bad"), Bench.envelope("good")])
        guard case .run(let ids, let batch)? = ran.first(where: { $0.isRun }) else { return }
        #expect(batch.assignments.count == 2)
        let after = bench.tell(.answered(batch.handler, ids, .success([.suspect, .unanswered])))
        let alone = try #require(after.batches.first)
        #expect(alone.isAlone)
        #expect(alone.assignments.map(\.event.id.text) == ["bad"])
        #expect(alone.assignments[0].attempt == 1)
        let struck = bench.answer(after, .struck(Failure(.handleCrashed)))
        guard case .commit(_, let commitments)? = struck.first(where: { $0.isCommit }) else { return }
        #expect(commitments[0].history.strikes == 1 && commitments[0].history.attempts == 0)
        #expect(struck.batches.first?.assignments.map(\.event.id.text) == ["good"])
    }

    @Test func anEventThatDiedWithTheSidecarRunsAloneFirst() throws {
        var bench = try Bench(suspects: [EventID(issuer: "i", text: "bad")])
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("good"), Bench.envelope("bad")])
        #expect(ran.batches.first?.isAlone == true)
        #expect(ran.batches.first?.assignments.map(\.event.id.text) == ["bad"])
    }

    @Test func aLostStateRaceRunsAgainAloneAtOnceAndTheTenthIsARetry() throws {
        var bench = try Bench()
        bench.tell(.start)
        var actions = bench.run([Bench.envelope("a")])
        for _ in 1..<Limits.stateLosses {
            actions = bench.commit(bench.answer(actions, .done(.none)), .lostState)
            #expect(actions.batches.first?.isAlone == true)
        }
        actions = bench.commit(bench.answer(actions, .done(.none)), .lostState)
        guard case .retry(let failure)? = actions.verdict else {
            Issue.record("no retry")
            return
        }
        #expect(failure.code == .handleStateConflict)
    }

    @Test func noWorkerBlamesNoEvent() throws {
        var bench = try Bench()
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a")])
        guard case .run(let ids, let batch)? = ran.first(where: { $0.isRun }) else { return }
        let failed = bench.tell(.answered(batch.handler, ids, .failure(Failure(.handleWorkerUnavailable))))
        #expect(failed.batches.isEmpty && !failed.contains { $0.isCommit })
        #expect(bench.pass(.seconds(31)).batches.first?.assignments.count == 1)
    }

    @Test func aLostLeaseIsToldToTheHandler() throws {
        var bench = try Bench()
        bench.tell(.start)
        bench.run([Bench.envelope("a")])
        let beat = bench.pass(.seconds(10))
        guard case .extend(let ids, _)? = beat.first(where: { if case .extend = $0 { true } else { false } }) else {
            return
        }
        let lost = bench.tell(.extended(ids, [nil], held: [false]))
        #expect(lost.contains { if case .revoke(Lease(fence: 1)) = $0 { true } else { false } })
    }
}
