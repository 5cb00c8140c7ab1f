import Events
import Testing

@testable import Pipeline

/// A FIFO group whose head fails for good.
@Suite struct PoisonousHeadTests {
    private func bench(
        _ policy: PipelineSettings.PoisonousHead, attempts: Int = 1, retention: Duration = .days(4)
    ) throws -> Bench {
        var bench = try Bench(isFIFO: true, attempts: attempts, retention: retention) { $0.poisonousHead = policy }
        bench.tell(.start)
        return bench
    }

    private var pair: [Envelope] { [Bench.envelope("a", group: "g"), Bench.envelope("b", group: "g")] }

    private func failure(_ actions: [Action]) -> (Failure, parks: Bool)? {
        guard case .dead(let failure, _, let parks)? = actions.verdict else { return nil }
        return (failure, parks)
    }

    @Test func blockTriesTheHeadOnAndTheGroupWaits() throws {
        var bench = try bench(.block)
        let answered = bench.answer(bench.run(pair), .retry(after: nil, Reason(code: "x")))
        guard case .retry(let failure)? = answered.verdict else {
            Issue.record("the head is given up")
            return
        }
        #expect(failure.code == .handleExhausted)
        let committed = bench.commit(answered)
        #expect(!committed.contains { $0.isClaim }, "the next does not overtake it")
        #expect(committed.givenBack.isEmpty, "each give-back is a receive that the queue counts")
        let again = bench.pass(.minutes(2))
        guard case .claim(_, let requests)? = again.first(where: { $0.isClaim }) else {
            Issue.record("it is not tried on")
            return
        }
        #expect(requests.map(\.event.id.text) == ["a"])
    }

    @Test func blockEndsWithTheQueuesOwnPatience() throws {
        var bench = try bench(.block, retention: .hours(2))
        let ran = bench.run(pair)
        bench.now = bench.now + .minutes(119)
        #expect(failure(bench.answer(ran, .retry(after: nil, Reason(code: "x"))))?.0.code == .handleRetried)
    }

    /// What its handler says never to do is its outcome: to try it for days would help nobody.
    @Test func aRejectedHeadIsALetterAndTheNextGoesOn() throws {
        var bench = try bench(.block)
        let rejected = bench.answer(bench.run(pair), .reject(Reason(code: "never")))
        #expect(failure(rejected)?.parks == false)
        #expect(bench.commit(rejected).contains { $0.isClaim })
    }

    @Test func blockHoldsNoStandardQueue() throws {
        var bench = try Bench(attempts: 1)
        bench.tell(.start)
        let answered = bench.answer(bench.run([Bench.envelope("a")]), .retry(after: nil, Reason(code: "x")))
        #expect(failure(answered)?.0.code == .handleExhausted)
    }

    @Test func deadLetterKeepsThePlaceInTheOrderAndTheNextGoesOn() throws {
        var bench = try bench(.deadLetter)
        let head = Envelope(
            messageID: MessageID("a"), receipt: ReceiptHandle("a#1"), body: Bytes("a"), sentAt: Bench.start,
            firstReceivedAt: Bench.start, group: "g", sequence: "188900")
        let answered = bench.answer(
            bench.run([head, Bench.envelope("b", group: "g")]), .retry(after: nil, Reason(code: "x")))
        #expect(failure(answered)?.parks == false)
        let committed = bench.commit(answered)
        #expect(committed.contains { $0.isClaim })
        let letter = try #require(committed.letters.first)
        #expect(letter.failure.contains(#""group":"g","sequence":"188900","poisonousHead":"dead-letter""#))
    }

    @Test(arguments: [Outcome.reject(Reason(code: "never")), .retry(after: nil, Reason(code: "x"))])
    func parkGroupTakesTheGroupAlongInOrder(outcome: Outcome) throws {
        var bench = try bench(.parkGroup)
        let answered = bench.answer(bench.run(pair), outcome)
        #expect(failure(answered)?.parks == true)
        let committed = bench.commit(answered)
        guard case .sendLetter(let head, _, _)? = committed.first(where: { $0.isLetter }) else {
            Issue.record("no letter")
            return
        }
        #expect(!committed.contains { $0.isClaim }, "the next letter comes after this one")
        let next = bench.tell(.letterSent(head, nil))
        guard case .claim(let ids, let requests)? = next.first(where: { $0.isClaim }) else {
            Issue.record("the next never comes")
            return
        }
        #expect(requests.map(\.group) == ["g"])
        let parked = Failure(.dedupParked, "b", "its group is parked behind a")
        let refused = bench.tell(.claimed(ids, .success([.refused(parked)])))
        guard case .refuse(let refusedIDs, _)? = refused.first(where: { $0.isRefuse }) else {
            Issue.record("it is not refused")
            return
        }
        let letters = bench.tell(.refused(refusedIDs, nil)).letters
        #expect(letters.map { String(decoding: $0.body, as: UTF8.self) } == ["b"])
    }
}
