import Events
import Testing

@testable import Pipeline

/// What the queue says it has, and what of that no receive brings.
@Suite struct BacklogTests {
    private func backlog(_ actions: [Action]) -> (depth: QueueDepth, hidden: Int)? {
        for case .note(.backlog(let depth, let hidden)) in actions { return (depth, hidden) }
        return nil
    }

    private let depth = QueueDepth(available: 70, inFlight: 3, delayed: 1)

    private func isAsked(_ actions: [Action]) -> Bool {
        actions.contains { if case .measure = $0 { true } else { false } }
    }

    @Test func itIsAskedOnceAMinuteAndNeverTwiceAtOnce() throws {
        var bench = try Bench()
        #expect(isAsked(bench.tell(.start)))
        let told = try #require(backlog(bench.tell(.measured(.success(depth)))))
        #expect(told.depth == depth && told.hidden == 0)
        #expect(!isAsked(bench.pass(.seconds(59))))
        #expect(isAsked(bench.pass(.seconds(1))))
        #expect(!isAsked(bench.pass(.minutes(2))), "the answer is still to come")
        #expect(isAsked(bench.tell(.measured(.failure(Failure(.receiveUnavailable))))))
    }

    @Test func whatStandsBehindHeldGroupsIsHidden() throws {
        var bench = try Bench(isFIFO: true)
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a", group: "g")])
        bench.answer(ran, .wait(after: .seconds(90), Reason(code: "x")))
        #expect(try #require(backlog(bench.tell(.measured(.success(depth))))).hidden == 0, "polls bring something yet")
        bench.tell(.received(.success([]), asked: 10))
        _ = bench.pass(.minutes(1))
        #expect(try #require(backlog(bench.tell(.measured(.success(depth))))).hidden == 70)
    }

    @Test func anEmptyLookingStandardQueueHidesNothing() throws {
        var bench = try Bench()
        bench.tell(.start)
        bench.run([Bench.envelope("a")])
        bench.tell(.received(.success([]), asked: 10))
        #expect(try #require(backlog(bench.tell(.measured(.success(depth))))).hidden == 0)
    }

    @Test func whatIsLeftAtTheStopIsToldByWhereItStands() throws {
        var bench = try Bench(maximumBatch: 2)
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a"), Bench.envelope("b"), Bench.envelope("c")])
        bench.tell(.stop(deadline: bench.now + .seconds(5)))
        bench.answer(ran, .done(.none))
        let end = bench.pass(.seconds(5))
        var left: [Standing.Step: Int] = [:]
        for case .note(.drained(let told)) in end { left = told }
        #expect(left == [.committing: 2, .returning: 1])
    }
}
