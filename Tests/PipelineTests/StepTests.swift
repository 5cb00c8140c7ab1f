import Events
import Testing

@testable import Pipeline

/// One step takes all that came: what several calls brought goes on in one, in the order in which it came.
@Suite struct StepTests {
    private func verdicts(_ actions: [Action]) -> [Input] {
        actions.compactMap { action in
            guard case .verify(let ids, let envelopes) = action else { return nil }
            return .verified(ids, envelopes.map { .success(Bench.event($0.messageID.text)) })
        }
    }

    private func claims(_ actions: [Action]) -> [[String]] {
        actions.compactMap { action in
            if case .claim(_, let requests) = action { requests.map(\.event.id.text) } else { nil }
        }
    }

    @Test func whatSeveralReceivesBroughtIsClaimedAndCommittedTogether() throws {
        var bench = try Bench(maximumBatch: 2)
        bench.tell(.start)
        let received = bench.tell([
            .received(.success([Bench.envelope("a"), Bench.envelope("b")]), asked: 2),
            .received(.success([Bench.envelope("c")]), asked: 1),
        ])
        let verified = bench.tell(verdicts(received))
        #expect(claims(verified) == [["a", "b", "c"]])
        let ran = bench.grant(verified)
        #expect(ran.count(where: \.isRun) == 1)
        let committed = bench.answer(ran, .done(.none))
        #expect(committed.count(where: \.isCommit) == 1)
    }

    @Test func aClaimHasSoManyEventsAndNoMore() throws {
        var bench = try Bench(inHand: 600)
        bench.tell(.start)
        let received = bench.tell((0..<60).map { call in
            .received(.success((0..<10).map { Bench.envelope("\(call)/\($0)") }), asked: 10)
        })
        let claimed = claims(bench.tell(verdicts(received)))
        #expect(claimed.map(\.count) == [256, 256, 88])
        #expect(Set(claimed.joined()).count == 600)
    }

    @Test func ofAGroupOnlyTheHeadIsClaimedThoughAllCameAtOnce() throws {
        var bench = try Bench(isFIFO: true)
        bench.tell(.start)
        let received = bench.tell(["a", "b"].map { name in
            .received(.success([Bench.envelope(name, group: "g")]), asked: 1)
        })
        let verified = bench.tell(verdicts(received))
        #expect(claims(verified) == [["a"]])
        // The head's end and another word of the same step: the next one is claimed once.
        let answered = bench.answer(bench.grant(verified), .done(.none))
        guard case .commit(let ids, _)? = answered.first(where: \.isCommit) else {
            Issue.record("nothing is committed")
            return
        }
        #expect(claims(bench.tell([.committed(ids, .success([.committed])), .tick])) == [["b"]])
    }

    /// Two reloads that came at once, there and back: what waited for a worker waits once, under one claim.
    @Test func whatTwoReloadsOfOneStepMoveWaitsOnce() throws {
        var bench = try Bench(maximumBatch: 1)
        bench.tell(.start)
        #expect(bench.run([Bench.envelope("a"), Bench.envelope("b")]).ran == ["a"])
        let there = try generation(after: bench.pipeline.settings, by: 1, handler: HandlerID("other"))
        let back = try generation(after: bench.pipeline.settings, by: 2, handler: Bench.handler)
        let moved = bench.tell([.adopt(there), .adopt(back)])
        #expect(claims(moved) == [["b"]])
        bench.grant(moved)
        #expect(bench.pipeline.workbenches[Bench.handler]?.waiting == 1)
    }

    private func generation(
        after settings: PipelineSettings, by steps: Int, handler: HandlerID
    ) throws -> PipelineGeneration {
        var settings = settings
        settings.generation += steps
        settings.handlers = [handler: HandlerPolicy()]
        let routes = try RouteTable([.init(source: "s", detailType: "*", handler: handler)])
        return PipelineGeneration(settings, routes: routes, keys: NoKeys())
    }

    /// A reload between a verdict and its claim, within one step: the claim is that of the new generation's handler.
    @Test func whatAReloadOfTheSameStepRoutesElsewhereIsClaimedThere() throws {
        var bench = try Bench()
        bench.tell(.start)
        let received = bench.tell(.received(.success([Bench.envelope("a")]), asked: 1))
        let other = HandlerID("other")
        var settings = bench.pipeline.settings
        settings.generation += 1
        settings.handlers = [other: HandlerPolicy()]
        let routes = try RouteTable([.init(source: "s", detailType: "*", handler: other)])
        let next = PipelineGeneration(settings, routes: routes, keys: NoKeys())
        let actions = bench.tell(verdicts(received) + [.adopt(next)])
        let handlers = actions.flatMap { action -> [HandlerID] in
            if case .claim(_, let requests) = action { requests.map(\.handler) } else { [] }
        }
        #expect(handlers == [other])
    }

    @Test func whatAStopOfTheSameStepFindsUnclaimedGoesBack() throws {
        var bench = try Bench()
        bench.tell(.start)
        let received = bench.tell(.received(.success([Bench.envelope("a")]), asked: 1))
        let actions = bench.tell(verdicts(received) + [.stop(deadline: bench.now + .seconds(9))])
        #expect(claims(actions).isEmpty)
        #expect(actions.givenBack.map(\.receipt) == [ReceiptHandle("a#1")])
    }

    /// A redelivery gives a message that waits for its delete a beat: together they would make a dead one visible.
    @Test func whatIsDueToBeDeletedIsNotExtendedInTheSameStep() throws {
        var bench = try Bench()
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a")])
        let answered = bench.answer(ran, .done(.none))
        let beats = bench.pass(.seconds(10))
        guard case .extend(let ids, _)? = beats.first(where: { if case .extend = $0 { true } else { false } }) else {
            Issue.record("no beat is due")
            return
        }
        #expect(bench.commit(answered).deleted.isEmpty, "the beat is awaited")
        bench.tell(.received(.success([Bench.envelope("a", receipt: "2", receives: 2)]), asked: 10))
        bench.now = bench.now + .seconds(20)
        let actions = bench.tell(.extended(ids, [nil], held: [true]))
        #expect(actions.deleted == [ReceiptHandle("a#2")])
        #expect(actions.extended.isEmpty)
    }
}
