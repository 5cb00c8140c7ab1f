import Events
import Testing

@testable import Pipeline

/// How often something is tried, how long between, and out of which budget.
@Suite struct RetryTests {
    private static let limited = RetryBudget(
        attempts: 5, backoff: Backoff(base: .seconds(30), cap: .minutes(1), jitter: .none))

    private func bench(_ policy: HandlerPolicy) throws -> Bench {
        var bench = try Bench { $0.handlers = [Bench.handler: policy] }
        bench.tell(.start)
        return bench
    }

    /// One run that ends in a retry for this reason, from its assignment to its commit.
    private func fail(_ bench: inout Bench, _ ran: [Action], _ reason: String) throws -> Commitment {
        let answered = bench.answer(ran, .retry(after: nil, Reason(code: reason)))
        guard case .commit(_, let commitments)? = answered.first(where: { $0.isCommit }) else {
            throw Failure(.handleRetried, reason, "nothing is committed")
        }
        bench.commit(answered)
        return try #require(commitments.first)
    }

    /// What the ledger remembers comes back with the next claim.
    private func again(_ bench: inout Bench, _ history: History) -> [Action] {
        for _ in 0..<10_000 {
            let actions = bench.pass(.seconds(1))
            guard case .claim(let ids, _)? = actions.first(where: { $0.isClaim }) else { continue }
            bench.lastFence += 1
            return bench.tell(.claimed(ids, .success([.granted(Lease(fence: bench.lastFence), history)])))
        }
        return []
    }

    @Test func aClassOfFailureSpendsItsOwnBudgetAndNoOther() throws {
        var bench = try bench(
            HandlerPolicy(retry: RetryBudget(attempts: 2), classes: ["rate-limited": Self.limited]))
        var ran = bench.run([Bench.envelope("a")])
        var history = History(firstSeen: bench.now)
        for spent in 1...4 {
            let commitment = try fail(&bench, ran, "rate-limited")
            guard case .retry = commitment.verdict else {
                Issue.record("dead after \(spent) of five")
                return
            }
            history = commitment.history
            #expect(history.attempts == spent && history.spent == ["rate-limited": spent])
            ran = again(&bench, history)
        }
        // The general budget of two is untouched: its first failure is a retry, its second the end.
        let first = try fail(&bench, ran, "bad-gateway")
        guard case .retry = first.verdict else {
            Issue.record("another class paid for it")
            return
        }
        ran = again(&bench, first.history)
        let second = try fail(&bench, ran, "bad-gateway")
        guard case .dead(let failure, _, _) = second.verdict else {
            Issue.record("its budget of two has no end")
            return
        }
        #expect(failure.code == .handleExhausted)
        #expect(second.history.attempts == 6)
    }

    @Test func aClassWaitsByItsOwnClock() throws {
        var bench = try bench(HandlerPolicy(classes: ["rate-limited": Self.limited]))
        let ran = bench.run([Bench.envelope("a")])
        bench.commit(bench.answer(ran, .retry(after: nil, Reason(code: "rate-limited"))))
        #expect(!bench.pass(.milliseconds(29_900)).contains { $0.isClaim })
        #expect(bench.pass(.milliseconds(100)).contains { $0.isClaim })
    }

    @Test func whatIsOlderThanItsAgeIsNotTriedAgainWhateverIsLeft() throws {
        var bench = try bench(HandlerPolicy(retry: RetryBudget(attempts: 100), age: .minutes(5)))
        let start = bench.now
        let ran = bench.run([Bench.envelope("a")])
        bench.commit(bench.answer(ran, .retry(after: .seconds(30), Reason(code: "x"))))
        let late = again(&bench, History(attempts: 1, firstSeen: start))
        bench.now = start + .minutes(6)
        guard case .dead(let failure, _, _)? = bench.answer(late, .retry(after: nil, Reason(code: "x"))).verdict else {
            Issue.record("it is tried for ever")
            return
        }
        #expect(failure.code == .handleRetried)
    }

    /// No wait is longer than what is left: the last try comes before the end.
    @Test func aWaitEndsWithTheAge() throws {
        var bench = try bench(HandlerPolicy(age: .minutes(1)))
        let ran = bench.run([Bench.envelope("a")])
        bench.commit(bench.answer(ran, .retry(after: .minutes(30), Reason(code: "x"))))
        _ = bench.pass(.seconds(59))
        #expect(bench.pass(.seconds(1)).contains { $0.isClaim || $0.isRefuse })
    }

    @Test(arguments: Backoff.Jitter.allCases)
    func aWaitLiesWhereItsJitterSays(jitter: Backoff.Jitter) {
        let backoff = Backoff(base: .seconds(8), cap: .hours(1), jitter: jitter)
        var random = SeededGenerator(seed: 7)
        let waits = (0..<400).map { _ in backoff.delay(attempt: 3, random: &random) }
        let step = Duration.seconds(32)
        #expect(waits.allSatisfy { $0 <= step })
        switch jitter {
        case .full: #expect(waits.contains { $0 < step / 4 } && waits.contains { $0 > step * 3 / 4 })
        case .equal: #expect(waits.allSatisfy { $0 >= step / 2 } && Set(waits).count > 100)
        case .none: #expect(Set(waits) == [step])
        }
    }
}
