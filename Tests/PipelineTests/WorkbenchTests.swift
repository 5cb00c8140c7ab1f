import Events
import Testing

@testable import Pipeline

/// Who is next for a worker.
@Suite struct WorkbenchTests {
    private static let routes = [
        RouteTable.Route(source: "s", detailType: "*", handler: Bench.handler),
        RouteTable.Route(source: "urgent", detailType: "*", handler: Bench.handler, isCritical: true),
    ]

    private func bench(concurrency: Int, reserved: Int = 0, batch: Int = 1) throws -> Bench {
        var bench = try Bench(routes: Self.routes) {
            $0.handlers = [
                Bench.handler: HandlerPolicy(concurrency: concurrency, reserved: reserved, maximumBatch: batch)
            ]
        }
        bench.tell(.start)
        return bench
    }

    private func envelopes(_ names: [String]) -> [Envelope] { names.map { Bench.envelope($0) } }

    @Test func aCriticalEventOvertakesThoseThatWait() throws {
        var bench = try bench(concurrency: 1)
        let ran = bench.run(envelopes((0..<5).map { "m\($0)" }))
        #expect(ran.ran == ["m0"])
        #expect(bench.run(envelopes(["now"]), source: "urgent").ran.isEmpty, "what runs is not stopped for it")
        #expect(bench.answer(ran, .done(.none)).ran == ["now"])
    }

    @Test func aReservedWorkerIsFreeForACriticalEventWhateverFloodsTheOthers() throws {
        var bench = try bench(concurrency: 4, reserved: 1)
        #expect(bench.run(envelopes((0..<9).map { "m\($0)" })).ran == ["m0", "m1", "m2"])
        #expect(bench.run(envelopes(["now"]), source: "urgent").ran == ["now"])
        #expect(bench.run(envelopes(["then"]), source: "urgent").ran.isEmpty, "it is one worker")
    }

    @Test func theLastWorkerIsNeverReserved() {
        #expect(HandlerPolicy(concurrency: 1, reserved: 1).reserved == 0)
        #expect(HandlerPolicy(concurrency: 4, reserved: 9).reserved == 3)
    }

    @Test func oneNoisyTenantDoesNotKeepTheOthersWaiting() throws {
        var bench = try bench(concurrency: 1)
        var ran = bench.run(envelopes((0..<9).map { "noisy/\($0)" }))
        bench.run(envelopes(["quiet/0", "quiet/1"]))
        var order = ran.ran
        for _ in 0..<5 {
            ran = bench.answer(ran, .done(.none))
            order += ran.ran
        }
        #expect(order == ["noisy/0", "noisy/1", "quiet/0", "noisy/2", "quiet/1", "noisy/3"])
    }

    @Test func aBatchIsSharedAmongTenants() throws {
        var bench = try bench(concurrency: 1, batch: 4)
        let ran = bench.run(envelopes(["a/0"]))
        bench.run(envelopes((1..<7).map { "a/\($0)" } + ["b/0", "c/0"]))
        #expect(bench.answer(ran, .done(.none)).ran == ["a/1", "b/0", "c/0", "a/2"])
    }

    @Test func whatIsGivenBackToItsPlaceKeepsItsOrder() throws {
        var bench = try bench(concurrency: 1, batch: 3)
        let ran = bench.run(envelopes(["m0", "m1", "m2"]))
        bench.run(envelopes(["m3"]))
        guard case .run(let ids, let batch)? = ran.first(where: { $0.isRun }) else { return }
        let failed = Failure(.handleWorkerUnavailable)
        bench.tell(.answered(batch.handler, ids, .failure(failed)))
        #expect(bench.pass(.minutes(1)).ran == ["m0", "m1", "m2"])
    }

    /// Names come and go; what they leave behind does not grow.
    @Test func aLineForgetsWhoHasLeft() throws {
        var bench = try bench(concurrency: 1)
        for round in 0..<200 {
            var ran = bench.run(envelopes((0..<3).map { "t\(round)-\($0)/x" }))
            for _ in 0..<3 {
                #expect(ran.ran.count == 1)
                ran = bench.answer(ran, .done(.none))
            }
            #expect(ran.ran.isEmpty)
            #expect(bench.pipeline.workbenches[Bench.handler]?.waiting == 0)
            bench.commit(ran)
        }
    }
}
