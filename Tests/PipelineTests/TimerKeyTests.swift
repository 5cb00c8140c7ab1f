import Events
import Testing

@testable import Pipeline

/// Business keys are about what events hold: a timer, which need not hold it, goes by its own id.
@Suite struct TimerKeyTests {
    /// Finds nothing in any payload.
    private struct StrictKeys: BusinessKeys {
        func businessKey(of event: Event, for handler: HandlerID) -> Result<Digest?, Failure> {
            .failure(Failure(.dedupKeyMissing, event.id.text, "nothing at /paymentId"))
        }
    }

    private func bench() throws -> Bench {
        var bench = try Bench()
        bench.tell(.start)
        var settings = bench.pipeline.settings
        settings.generation = 2
        let routes = try RouteTable([.init(source: "s", detailType: "*", handler: Bench.handler)])
        bench.tell(.adopt(PipelineGeneration(settings, routes: routes, keys: StrictKeys())))
        return bench
    }

    @Test func aTimerIsClaimedWithoutABusinessKey() throws {
        var bench = try bench()
        let actions = bench.tell(.timers([Bench.timer("t", of: Bench.handler)]))
        let keys = actions.flatMap { action -> [Digest?] in
            if case .claim(_, let requests) = action { requests.map(\.businessKey) } else { [] }
        }
        #expect(keys == [nil])
    }

    @Test func anEventWithoutOneIsRefused() throws {
        var bench = try bench()
        let actions = bench.receive([Bench.envelope("a")])
        #expect(actions.contains { $0.isRefuse } && !actions.contains { $0.isClaim })
    }
}
