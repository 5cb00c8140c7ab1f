import Events
import Testing

@testable import Pipeline

/// What is in hand, told to who asks: by the event's id or the queue's id of the message.
@Suite struct StandingTests {
    private func step(_ bench: Bench, _ name: String = "a") -> Standing.Step? {
        bench.pipeline.standing(of: name).first?.step
    }

    @Test func anEventIsFollowedFromStepToStep() throws {
        var bench = try Bench()
        #expect(bench.pipeline.standing(of: "a").isEmpty)
        _ = bench.tell(.received(.success([Bench.envelope("a", receives: 3)]), asked: 10))
        let unverified = try #require(bench.pipeline.standing(of: "a").first)
        #expect(unverified.step == .verifying && unverified.event == nil && unverified.deliveries == 3)

        bench = try Bench()
        let claims = bench.receive([Bench.envelope("a")])
        #expect(step(bench) == .claiming)
        let runs = bench.grant(claims)
        let running = try #require(bench.pipeline.standing(of: "a").first)
        #expect(running.step == .running && running.handler == Bench.handler && running.attempt == 1)
        #expect(running.source == "s" && running.event?.text == "a" && running.since == bench.now)
        let done = bench.answer(runs, .done(.none))
        #expect(step(bench) == .committing)
        bench.commit(done)
        #expect(step(bench) == .deleting)
        #expect(bench.pipeline.standing(of: "b").isEmpty)
    }

    @Test func whatWaitsSaysWhyAndUntilWhen() throws {
        var bench = try Bench()
        let runs = bench.run([Bench.envelope("a")])
        bench.answer(runs, .wait(after: .seconds(40), Reason(code: "bank", detail: "closed")))
        let waiting = try #require(bench.pipeline.standing(of: "a").first)
        #expect(waiting.step == .waiting && waiting.until == bench.now + .seconds(40))
        #expect(waiting.failure?.code == .handleWaiting && waiting.failure?.cause == "bank: closed")
        #expect(waiting.attempt == 0)
    }

    @Test func aRetryIsTheNextAttempt() throws {
        var bench = try Bench()
        let runs = bench.run([Bench.envelope("a")])
        bench.commit(bench.answer(runs, .retry(after: .seconds(30), Reason(code: "busy"))))
        let waiting = try #require(bench.pipeline.standing(of: "a").first)
        #expect(waiting.step == .waiting && waiting.attempt == 2 && waiting.until == bench.now + .seconds(30))
        #expect(waiting.failure?.code == .handleRetried)
    }

    @Test func behindTheHeadOfItsGroupItIsBlocked() throws {
        var bench = try Bench(isFIFO: true)
        bench.run([Bench.envelope("a", group: "g"), Bench.envelope("b", group: "g")])
        #expect(step(bench, "a") == .running)
        #expect(step(bench, "b") == .blocked)
    }
}
