import Events
import Pipeline
import Testing

@testable import Store

@Suite struct TimerTests {
    private func timer(_ key: String, in delay: Duration, _ bench: Bench, detail: String = "{\"t\":1}") -> TimerChange {
        TimerChange(key: Bytes(key), at: bench.now + delay, detail: Bytes(detail))
    }
    private let handlers: Set = [HandlerID("treasury"), HandlerID("other")]
    private func due(_ bench: Bench, _ count: Int = 10) async throws -> [Event] {
        try await bench.store.due(of: handlers, at: bench.now, atMost: count)
    }

    @Test func aTimerBecomesAnEventOfItsHandlerWhenItIsDue() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(timers: [timer("k", in: .seconds(10), bench)]))
        #expect(try await due(bench).isEmpty)
        let at = bench.now + .seconds(10)
        #expect(try await bench.store.next(of: handlers) == at)
        try await bench.reopen()
        bench.now = at
        let event = try #require(try await due(bench).first)
        #expect(event.source == "outrigger.timer")
        #expect(event.detailType == "treasury")
        #expect(event.detail.text == "{\"t\":1}")
        #expect(event.id.issuer == "timer")
        #expect(event.isBound && event.resource.isEmpty && event.keyID == "outrigger")
        #expect(event.trace.correlationID == "c-1")
        #expect(try await due(bench).map(\.id) == [event.id])
    }

    @Test func thoseOfARemovedHandlerWaitForItAndStandInNobodysWay() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(timers: [timer("k", in: .zero, bench), timer("l", in: .zero, bench)]))
        let others: Set = [HandlerID("other")]
        #expect(try await bench.store.due(of: others, at: bench.now, atMost: 1).isEmpty)
        #expect(try await bench.store.next(of: others) == nil)
        #expect(try await bench.store.strays(beside: others, at: bench.now) == 2)
        #expect(try await bench.store.strays(beside: others, at: bench.now - .seconds(1)) == 0)
        #expect(try await due(bench).count == 2, "it has come back")
        #expect(try await bench.store.strays(beside: handlers, at: bench.now) == 0)
    }

    @Test func itsRowGoesInTheCommitOfItsEvent() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(timers: [timer("k", in: .zero, bench)]))
        let event = try #require(try await due(bench).first)
        let lease = try #require(try await bench.claim(bench.request(event)).lease)
        #expect(try await due(bench).isEmpty)
        #expect(try await bench.store.next(of: handlers) == nil)
        await bench.store.release([lease])
        #expect(try await due(bench).map(\.id) == [event.id])
        let again = try #require(try await bench.claim(bench.request(event)).lease)
        #expect(try await bench.commit(again, .retry(Failure(.handleRetried))) == .committed)
        #expect(try await due(bench).map(\.id) == [event.id])
        let last = try #require(try await bench.claim(bench.request(event)).lease)
        #expect(try await bench.commit(last) == .committed)
        #expect(try await due(bench).isEmpty)
        #expect(try await bench.store.statistics().timers == 0)
        #expect(try await bench.claim(bench.request(event)).word == "done")
    }

    @Test func aTimerThatWasMovedWhileItRanFiresAgain() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(timers: [timer("k", in: .zero, bench)]))
        let event = try #require(try await due(bench).first)
        let lease = try #require(try await bench.claim(bench.request(event)).lease)
        try await bench.done("e-2", Effects(timers: [timer("k", in: .zero, bench)]))
        #expect(try await bench.commit(lease) == .committed)
        let moved = try await due(bench)
        #expect(moved.count == 1)
        #expect(moved[0].id != event.id)
        #expect(try await bench.claim(bench.request(moved[0])).word == "granted")
    }

    @Test func aTimerMaySetItselfAgainForTheSameMoment() async throws {
        let bench = try Bench()
        let change = timer("k", in: .zero, bench)
        try await bench.done("e-1", Effects(timers: [change]))
        let event = try #require(try await due(bench).first)
        let lease = try #require(try await bench.claim(bench.request(event)).lease)
        #expect(try await bench.commit(lease, .done(Effects(timers: [change]))) == .committed)
        let again = try #require(try await due(bench).first)
        #expect(try await bench.claim(bench.request(again)).word == "granted")
    }

    @Test func anEmptyDetailRemovesIt() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(timers: [timer("k", in: .zero, bench), timer("l", in: .seconds(1), bench)]))
        try await bench.done("e-2", Effects(timers: [timer("k", in: .zero, bench, detail: "")]))
        #expect(try await due(bench).isEmpty)
        #expect(try await bench.store.next(of: handlers) == bench.now + .seconds(1))
    }

    @Test func theOldestComeFirstAndClaimedOnesDoNotHideTheOthers() async throws {
        let bench = try Bench()
        let changes = (1...4).map { timer("k\($0)", in: .seconds(-Int64($0)), bench) }
        try await bench.done("e-1", Effects(timers: changes))
        let two = try await due(bench, 2)
        #expect(two.count == 2)
        for event in two { #expect(try await bench.claim(bench.request(event)).word == "granted") }
        let rest = try await due(bench, 2)
        #expect(rest.count == 2)
        #expect(Set(rest.map(\.id)).isDisjoint(with: two.map(\.id)))
        #expect(try await bench.store.next(of: handlers) == bench.now - .seconds(2))
    }

    @Test func timersThatWereTriedComeAfterNewOnes() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(timers: [timer("old", in: .seconds(-9), bench)]))
        let old = try #require(try await due(bench).first)
        let lease = try #require(try await bench.claim(bench.request(old)).lease)
        #expect(try await bench.commit(lease, .retry(Failure(.handleRetried))) == .committed)
        try await bench.done("e-2", Effects(timers: [timer("new", in: .zero, bench)]))
        #expect(try await due(bench, 1).map(\.id) != [old.id])
        #expect(try await due(bench).map(\.id).last == old.id)
    }

    @Test func settingATimerWakesWhoWaits() async throws {
        let bench = try Bench()
        var wakes = bench.store.timerChanges.makeAsyncIterator()
        try await bench.done("e-1", Effects(timers: [timer("k", in: .zero, bench)]))
        #expect(await wakes.next() != nil)
    }
}
