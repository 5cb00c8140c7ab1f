import Events
import Testing

@testable import Pipeline

@Suite struct RelayTests {
    private let start = Bench.start

    private func publication(_ row: Int64, attempts: Int = 0, at committed: Instant = Bench.start) -> Publication {
        Publication(
            row: row, id: "id-\(row)",
            draft: Draft(source: "s", detailType: "t", resource: "r\(row)", correlationID: "", detail: Bytes("{}")),
            parent: "p", trace: .init(), committedAt: committed, attempts: attempts)
    }

    private func signed(_ publication: Publication) -> SignedPublication {
        SignedPublication(publication: publication, detail: Bytes("{}"), signedAt: start)
    }

    private func results(_ actions: [Relay.Action]) -> [PublicationResult] {
        actions.flatMap { action -> [PublicationResult] in
            if case .settle(let results) = action { results } else { [] }
        }
    }

    @Test func eachEntryIsSettledOnItsOwn() {
        var relay = Relay(giveUp: .hours(24), seed: 1)
        #expect(relay.on(.wake, at: start).contains { if case .read = $0 { true } else { false } })
        let rows = (1...3).map { publication(Int64($0)) }
        _ = relay.on(.due(.success(rows)), at: start)
        let failures: [Failure?] = [nil, Failure(.publishThrottled), Failure(.publishRefused)]
        let ends = results(relay.on(.put(rows.map(signed), failures), at: start)).map { result -> String in
            switch result.end {
            case .sent: "sent"
            case .retry: "retry"
            case .gaveUp(let failure): failure.code.rawValue
            }
        }
        #expect(ends == ["sent", "retry", "publish.refused"])
    }

    @Test func aRowThatIsOnItsWayIsNotReadAgain() {
        var relay = Relay(giveUp: .hours(24), seed: 1)
        _ = relay.on(.wake, at: start)
        let actions = relay.on(.due(.success([publication(7)])), at: start)
        guard case .read(_, let excluding)? = actions.first(where: { if case .read = $0 { true } else { false } })
        else {
            Issue.record("not read on")
            return
        }
        #expect(excluding == [7])
    }

    @Test func afterGiveUpARowIsADeadLetter() {
        var relay = Relay(giveUp: .hours(24), seed: 1)
        _ = relay.on(.wake, at: start)
        let row = publication(1, attempts: 90)
        _ = relay.on(.due(.success([row])), at: start)
        let late = start + .hours(25)
        guard case .gaveUp(let failure)? = results(
            relay.on(.put([signed(row)], [Failure(.publishUnavailable)]), at: late)).first?.end
        else {
            Issue.record("still tried")
            return
        }
        #expect(failure.code == .publishGaveUp)
    }

    @Test func aStoreThatTakesNoWordIsToldAgain() {
        var relay = Relay(giveUp: .hours(24), seed: 1)
        _ = relay.on(.wake, at: start)
        let row = publication(1)
        _ = relay.on(.due(.success([row])), at: start)
        let first = results(relay.on(.put([signed(row)], [nil]), at: start))
        #expect(first.count == 1)
        _ = relay.on(.settled(Failure(.storeUnavailable)), at: start)
        #expect(results(relay.on(.wake, at: start + .minutes(2))).map(\.row) == [1])
    }

    @Test func aStopWaitsForWhatIsOnItsWay() {
        var relay = Relay(giveUp: .hours(24), seed: 1)
        _ = relay.on(.wake, at: start)
        let row = publication(1)
        let sending = relay.on(.due(.success([row])), at: start)
        #expect(sending.contains { if case .put = $0 { true } else { false } })
        _ = relay.on(.due(.success([])), at: start)
        #expect(!isStopped(relay.on(.stop(deadline: start + .seconds(10)), at: start)))
        #expect(!isStopped(relay.on(.put([signed(row)], [nil]), at: start)))
        #expect(!isStopped(relay.on(.due(.success([])), at: start)))
        #expect(!isStopped(relay.on(.settled(nil), at: start)), "there may be another one behind it")
        #expect(isStopped(relay.on(.due(.success([])), at: start)))
    }

    /// What was taken just before the stop is read and sent, row by row, as long as there is time.
    @Test func aStopSendsWhatWasWrittenBeforeIt() {
        var relay = Relay(giveUp: .hours(24), seed: 1)
        _ = relay.on(.wake, at: start)
        _ = relay.on(.due(.success([])), at: start)
        let last = relay.on(.stop(deadline: start + .seconds(10)), at: start)
        #expect(last.contains { if case .read = $0 { true } else { false } } && !isStopped(last))
        let row = publication(1)
        let sending = relay.on(.due(.success([row])), at: start)
        #expect(sending.contains { if case .put = $0 { true } else { false } })
        _ = relay.on(.due(.success([])), at: start)
        _ = relay.on(.put([signed(row)], [nil]), at: start)
        #expect(!isStopped(relay.on(.settled(nil), at: start)))
        #expect(isStopped(relay.on(.due(.success([])), at: start)))
        var late = Relay(giveUp: .hours(24), seed: 1)
        _ = late.on(.stop(deadline: start + .seconds(10)), at: start)
        #expect(isStopped(late.on(.wake, at: start + .seconds(10))), "its time is over")
    }

    private func isStopped(_ actions: [Relay.Action]) -> Bool {
        actions.contains { if case .stopped = $0 { true } else { false } }
    }
}
