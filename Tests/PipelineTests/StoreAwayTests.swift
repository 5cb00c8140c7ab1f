import Events
import Testing

@testable import Pipeline

/// While a shared store is away nothing begins, and what waits is nobody's secret: it goes back to the queue.
@Suite struct StoreAwayTests {
    private static let failure = Failure(.storeUnavailable, "postgresql", "no answer")

    private func handles(_ names: String...) -> [VisibilityChange] {
        names.map { VisibilityChange(receipt: ReceiptHandle("\($0)#1"), timeout: .zero) }
    }

    private func answerReturns(_ actions: [Action], _ bench: inout Bench) -> [Action] {
        actions.flatMap { action -> [Action] in
            guard case .giveBack(let ids, let changes) = action else { return [] }
            return bench.tell(.returned(ids, receipts: changes.map(\.receipt), ids.map { _ in nil }))
        }
    }

    @Test func whatWaitsForAClaimOrAWorkerGoesBackAndWhatRunsGoesOn() throws {
        var bench = try Bench(maximumBatch: 1)
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("runs"), Bench.envelope("waits")])
        #expect(ran.ran == ["runs"])
        let later = bench.receive([Bench.envelope("unclaimed")])
        guard case .claim(let ids, _)? = later.first(where: { $0.isClaim }) else {
            Issue.record("no claim")
            return
        }
        bench.tell(.claimed(ids, .failure(Self.failure)))
        let away = bench.tell(.storeAway(Self.failure))
        #expect(Set(away.givenBack.map(\.receipt)) == [ReceiptHandle("waits#1"), ReceiptHandle("unclaimed#1")])
        #expect(away.givenBack.allSatisfy { $0.timeout == .zero })
        #expect(answerReturns(away, &bench).allSatisfy { !$0.isReceive })
        // Its outcome is committed when the store is back; until then the commit is tried again.
        let answered = bench.answer(ran, .done(.none))
        #expect(answered.isCommitting)
        #expect(!bench.pass(.seconds(2)).contains { $0.isReceive || $0.isRun })
        #expect(!bench.tell(.received(.success([]), asked: 10)).contains { $0.isReceive }, "the poll under way")
        bench.tell(.storeAway(nil))
        let committed = bench.commit(answered)
        #expect(committed.deleted == [ReceiptHandle("runs#1")])
        #expect(committed.contains { $0.isReceive })
    }

    @Test func aGroupGoesBackInItsOrder() throws {
        var bench = try Bench(isFIFO: true)
        bench.tell(.start)
        let names = ["a", "b", "c"]
        let received = bench.receive(names.map { Bench.envelope($0, group: "g") })
        guard case .claim(let ids, let requests)? = received.first(where: { $0.isClaim }) else {
            Issue.record("no claim")
            return
        }
        #expect(requests.map(\.messageID.text) == ["a"])
        bench.tell(.claimed(ids, .failure(Self.failure)))
        let head = bench.tell(.storeAway(Self.failure))
        #expect(head.givenBack == handles("a"), "the others follow when that was answered")
        #expect(answerReturns(head, &bench).givenBack == handles("b", "c"))
    }

    @Test func aGroupThatIsBackBeforeItsReturnsWereAnsweredKeepsItsOrder() throws {
        var bench = try Bench(isFIFO: true)
        bench.tell(.start)
        let names = ["a", "b", "c"]
        let received = bench.receive(names.map { Bench.envelope($0, group: "g") })
        guard case .claim(let ids, _)? = received.first(where: { $0.isClaim }) else {
            Issue.record("no claim")
            return
        }
        bench.tell(.claimed(ids, .failure(Self.failure)))
        let followers = answerReturns(bench.tell(.storeAway(Self.failure)), &bench)
        bench.tell(.storeAway(nil))
        // The queue has done what it has not answered yet.
        let again = bench.receive(names.map { Bench.envelope($0, receipt: "2", group: "g") })
        guard case .claim(_, let requests)? = again.first(where: { $0.isClaim }) else {
            Issue.record("no claim: the head stands behind its followers")
            return
        }
        #expect(requests.map(\.messageID.text) == ["a"])
        #expect(!answerReturns(followers, &bench).contains { $0.isClaim })
    }

    @Test func whatBecomesReadyMeanwhileDoesNotRun() throws {
        var bench = try Bench()
        bench.tell(.start)
        let received = bench.receive([Bench.envelope("a")])
        bench.tell(.storeAway(Self.failure))
        // The answer was under way when the store went.
        #expect(bench.grant(received).ran.isEmpty)
        let again = bench.tell(.storeAway(Self.failure))
        #expect(again.givenBack == handles("a"))
        #expect(again.contains { if case .release = $0 { true } else { false } })
    }
}

extension [Action] {
    fileprivate var isCommitting: Bool { contains { $0.isCommit } }
}
