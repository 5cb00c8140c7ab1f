import Events
import Testing

@testable import Pipeline

/// A generation takes over between two steps: what runs finishes where it is, what waits is routed anew.
@Suite struct ReloadTests {
    static let other = HandlerID("other")

    /// The next generation of a bench: the handlers by source, `nil` for none.
    private func adopt(
        _ bench: inout Bench, number: Int = 2, routes: [String: HandlerID], key: String? = nil,
        change: (inout PipelineSettings) -> Void = { _ in }
    ) throws -> [Action] {
        var settings = bench.pipeline.settings
        settings.generation = number
        settings.handlers = Dictionary(
            routes.values.map { ($0, HandlerPolicy(maximumBatch: 10, retry: RetryBudget(attempts: 3))) },
            uniquingKeysWith: { a, _ in a })
        change(&settings)
        let table = try RouteTable(routes.map { .init(source: $0, detailType: "*", handler: $1) })
        return bench.tell(.adopt(PipelineGeneration(settings, routes: table, keys: OneKey(text: key))))
    }

    private func released(_ actions: [Action]) -> [Lease] {
        actions.flatMap { action -> [Lease] in if case .release(let leases) = action { leases } else { [] } }
    }

    private func claims(_ actions: [Action]) -> [ClaimRequest] {
        actions.flatMap { action -> [ClaimRequest] in
            if case .claim(_, let requests) = action { requests } else { [] }
        }
    }

    @Test func whatRunsFinishesInItsGenerationAndSaysSo() throws {
        var bench = try Bench(maximumBatch: 1)
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a"), Bench.envelope("b")])
        #expect(ran.batches.map(\.generation) == [1])
        let adopted = try adopt(&bench, routes: ["s": Bench.handler])
        #expect(released(adopted).isEmpty && claims(adopted).isEmpty, "b stays where it is")
        let answered = bench.answer(ran, .done(.none))
        guard case .commit(_, let commitments)? = answered.first(where: { $0.isCommit }) else {
            Issue.record("no commit")
            return
        }
        #expect(commitments.map(\.generation) == [1])
        #expect(answered.batches.map(\.generation) == [2])
        #expect(answered.batches.first?.assignments.map(\.event.id.text) == ["b"])
        #expect(answered.batches.first?.assignments.map(\.lease) == [Lease(fence: 2)], "under the lease that it had")
        guard case .commit(_, let second)? = bench.answer(answered, .done(.none)).first(where: { $0.isCommit }) else {
            // The first commit is under way: the second rides in the next.
            let next = bench.commit(answered)
            #expect(next.contains { $0.isCommit })
            return
        }
        #expect(second.map(\.generation) == [2])
    }

    @Test func whatWaitsForAnotherHandlerGivesItsLeaseBackAndIsClaimedAnew() throws {
        var bench = try Bench(maximumBatch: 1)
        bench.tell(.start)
        bench.run([Bench.envelope("a"), Bench.envelope("b")])
        let adopted = try adopt(&bench, routes: ["s": Self.other])
        #expect(released(adopted) == [Lease(fence: 2)])
        #expect(claims(adopted).map(\.handler) == [Self.other])
        let ran = bench.grant(adopted, attempts: 2)
        #expect(ran.batches.map(\.handler) == [Self.other])
        #expect(ran.batches.first?.assignments.first?.attempt == 3, "what the ledger knows of it counts on")
    }

    @Test func anotherBusinessKeyIsClaimedAnew() throws {
        var bench = try Bench(maximumBatch: 1)
        bench.tell(.start)
        bench.run([Bench.envelope("a"), Bench.envelope("b")])
        let adopted = try adopt(&bench, routes: ["s": Bench.handler], key: "k")
        #expect(released(adopted) == [Lease(fence: 2)])
        #expect(claims(adopted).map(\.businessKey) == [OneKey(text: "k").digest])
    }

    @Test(arguments: PipelineSettings.Unroutable.allCases)
    func whatWaitsForAHandlerThatIsGoneIsUnroutable(_ how: PipelineSettings.Unroutable) throws {
        var bench = try Bench(maximumBatch: 1)
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a"), Bench.envelope("b")])
        let adopted = try adopt(&bench, routes: ["elsewhere": Self.other]) { $0.unroutable = how }
        #expect(released(adopted) == [Lease(fence: 2)])
        switch how {
        case .leave: #expect(adopted.givenBack.map(\.receipt.text) == ["b#1"])
        case .ignore, .deadLetter:
            guard case .refuse(let ids, let refusals)? = adopted.first(where: { $0.isRefuse }) else {
                Issue.record("not refused")
                return
            }
            #expect(refusals.map(\.failure.code) == [.routeNone])
            let refused = bench.tell(.refused(ids, nil))
            #expect(refused.deleted.isEmpty == (how == .deadLetter))
            #expect(refused.letters.count == (how == .deadLetter ? 1 : 0))
        }
        // The one that was running settles as usual.
        #expect(bench.answer(ran, .done(.none)).contains { $0.isCommit })
    }

    @Test func aRetryOfAHandlerThatIsGoneCountsAndThenGoesToItsNewOne() throws {
        var bench = try Bench()
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a")])
        _ = try adopt(&bench, routes: ["s": Self.other])
        let answered = bench.answer(ran, .retry(after: .seconds(5), Reason(code: "later")))
        guard case .retry? = answered.verdict else {
            Issue.record("not committed as a retry")
            return
        }
        bench.commit(answered)
        #expect(claims(bench.pass(.seconds(4))).isEmpty, "its wait is its own, whoever takes it")
        #expect(claims(bench.pass(.seconds(1))).map(\.handler) == [Self.other])
    }

    @Test func aClaimUnderWayIsTakenBackWhenItsHandlerHasChanged() throws {
        var bench = try Bench()
        bench.tell(.start)
        let received = bench.receive([Bench.envelope("a")])
        #expect(claims(try adopt(&bench, routes: ["s": Self.other])).isEmpty, "the first answer is waited for")
        let granted = bench.grant(received)
        #expect(released(granted) == [Lease(fence: 1)] && granted.batches.isEmpty)
        #expect(claims(granted).map(\.handler) == [Self.other])
    }

    @Test func aBatchThatCameTooLateForItsGenerationBlamesNobody() throws {
        var bench = try Bench()
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a")])
        guard case .run(let ids, let batch)? = ran.first(where: { $0.isRun }) else { return }
        _ = try adopt(&bench, routes: ["s": Bench.handler])
        let again = bench.tell(.answered(batch.handler, ids, .failure(Failure(.handleWorkerUnavailable))))
        #expect(again.batches.map(\.generation) == [2], "at once, without the backoff of a worker that fails")
        #expect(again.batches.first?.assignments.first?.attempt == 1)
        #expect(!again.contains { if case .note(.settleFailed) = $0 { true } else { false } })
    }

    @Test func aWorkbenchKnowsAfterwardsWhatRuns() throws {
        var bench = try Bench(maximumBatch: 1)
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a"), Bench.envelope("b"), Bench.envelope("c")])
        // Away and back while its batch runs: still one at a time.
        let away = try adopt(&bench, number: 2, routes: ["s": Self.other])
        #expect(claims(away).map(\.event.id.text) == ["b", "c"], "moved together")
        _ = try adopt(&bench, number: 3, routes: ["s": Bench.handler]) { settings in
            settings.handlers = [Bench.handler: HandlerPolicy(maximumBatch: 1)]
        }
        let back = bench.grant(away)
        #expect(claims(back).map(\.handler) == [Bench.handler, Bench.handler])
        #expect(bench.grant(back).batches.isEmpty)
        #expect(bench.answer(ran, .done(.none)).batches.map(\.generation) == [3])
    }

    @Test func aTimerWhoseHandlerIsGoneIsForgottenAndStaysInTheStore() throws {
        var bench = try Bench()
        bench.tell(.start)
        _ = try adopt(&bench, routes: ["s": Self.other])
        let delivered = bench.tell(.timers([Bench.timer("t", of: Bench.handler)]))
        #expect(!delivered.contains { $0.isRefuse || $0.isClaim || $0.isDelete })
        #expect(bench.pipeline.inHand.messages == 0)
    }

    @Test func limitsAndRulesOfTheNewGenerationHoldFromTheNextStep() throws {
        var bench = try Bench(inHand: 100)
        bench.tell(.start)
        bench.tell(.received(.success([]), asked: 10))
        _ = try adopt(&bench, routes: ["s": Bench.handler]) {
            $0.inHand = 3
            $0.maximumAge = .minutes(5)
        }
        let received = bench.tell(.received(.success([Bench.envelope("a")]), asked: 10))
        let asked = received.compactMap { action in if case .receive(let count) = action { count } else { nil } }
        #expect(asked == [2])
        guard case .verify(let ids, _)? = received.first(where: { $0.isVerify }) else { return }
        let verified = bench.tell(.verified(ids, [.success(Bench.event("a"))]))
        #expect(claims(verified).map(\.rules.maximumAge) == [.minutes(5)])
    }

    @Test func aGroupKeepsItsOrderAcrossGenerations() throws {
        var bench = try Bench(isFIFO: true)
        bench.tell(.start)
        let ran = bench.run(["a", "b", "c"].map { Bench.envelope($0, group: "g") })
        let adopted = try adopt(&bench, routes: ["s": Self.other])
        #expect(claims(adopted).isEmpty, "b and c wait for a")
        let committed = bench.commit(bench.answer(ran, .done(.none)))
        #expect(claims(committed).map(\.event.id.text) == ["b"])
        #expect(claims(committed).map(\.handler) == [Self.other])
    }
}

/// Every event has this business key.
struct OneKey: BusinessKeys {
    let text: String?
    var digest: Digest? { text.map { Bench.event($0).payloadDigest } }
    func businessKey(of event: Event, for handler: HandlerID) -> Result<Digest?, Failure> { .success(digest) }
}
