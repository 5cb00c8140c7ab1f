import Events
import Testing

@testable import Pipeline

/// A dependency of one handler is down.
@Suite struct CircuitTests {
    private static let other = HandlerID("other")
    private static let routes = [
        RouteTable.Route(source: "s", detailType: "*", handler: Bench.handler),
        RouteTable.Route(source: "o", detailType: "*", handler: other),
    ]

    private func bench(inHand: Int = 100) throws -> Bench {
        var bench = try Bench(inHand: inHand, routes: Self.routes) {
            $0.handlers = [Bench.handler: HandlerPolicy(concurrency: 4), Self.other: HandlerPolicy()]
        }
        bench.tell(.start)
        bench.tell(.received(.success([]), asked: 10))
        return bench
    }

    private func open(_ bench: inout Bench) -> [Action] {
        var all: [Action] = []
        for n in 0..<Circuit.waitsThatOpen {
            let ran = bench.run([Bench.envelope("w\(n)")])
            all += bench.answer(ran, .wait(after: .seconds(90), Reason(code: "bank.down")))
        }
        return all
    }

    @Test func theOtherHandlersOfTheQueueGoOn() throws {
        var bench = try bench()
        let opened = open(&bench)
        #expect(opened.contains { if case .note(.circuitOpened(Bench.handler, _, _)) = $0 { true } else { false } })
        #expect(bench.run([Bench.envelope("mine")]).ran.isEmpty, "its own wait")
        #expect(bench.run([Bench.envelope("theirs")], source: "o").ran == ["theirs"])
        #expect(bench.tell(.received(.success([]), asked: 10)).contains { $0.isReceive }, "the queue is not paused")
    }

    @Test func itHoldsNoMoreThanItsShareOfTheQueue() throws {
        var bench = try bench(inHand: 20)
        _ = open(&bench)
        var back: [VisibilityChange] = []
        for n in 0..<14 { back += bench.run([Bench.envelope("m\(n)")]).givenBack }
        #expect(bench.pipeline.workbenches[Bench.handler]?.waiting == 10)
        #expect(!back.isEmpty)
    }

    @Test func oneProbesAndSuccessOpensThePathByDoubling() throws {
        var bench = try bench()
        _ = open(&bench)
        bench.run((0..<6).map { Bench.envelope("m\($0)") })
        var ran = bench.pass(.seconds(6))
        #expect(ran.ran.count == 1, "one tries for all")
        ran = bench.answer(ran, .done(.none))
        #expect(ran.ran.count == 2)
    }

    @Test func aProbeThatWaitsLeavesItOpen() throws {
        var bench = try bench()
        _ = open(&bench)
        bench.run((0..<6).map { Bench.envelope("m\($0)") })
        let probe = bench.pass(.seconds(6))
        let after = bench.answer(probe, .wait(after: .seconds(90), Reason(code: "bank.down")))
        #expect(after.ran.isEmpty)
        #expect(after.contains { if case .note(.circuitOpened) = $0 { true } else { false } })
    }

    @Test func itClosesInTheEndAndSaysSo() throws {
        var circuit = Circuit()
        var random = SeededGenerator(seed: 3)
        for _ in 0..<Circuit.waitsThatOpen { circuit.waited(at: Bench.start, random: &random) }
        #expect(circuit.isOpen)
        var answers = 0
        while circuit.progressed() == nil { answers += 1 }
        #expect(!circuit.isOpen && answers < 20)
        #expect(circuit.limit(at: Bench.start) == .max)
    }
}
