import Events
import Pipeline
@testable import Plugins
import Testing

/// What the header promises, seen from a handler that keeps to it.
@Suite struct ContractTests {
    @Test(arguments: Isolation.allCases)
    func eachResultBecomesItsOutcome(_ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            let commands = ["done", "retry", "reject", "wait", "forget", "unknown"]
            let outcomes = try await test.run("obedient", commands.map { "{\"do\":\"\($0)\"}" })
            #expect(
                outcomes.map(\.word) == [
                    "done", "retry 1500 order.late", "reject odd-code", "wait 0 bank.down", "retry 0 unanswered",
                    "retry 0 unanswered",
                ])
            guard case .reject(let reason) = outcomes[2] else { return }
            #expect(reason.detail == "two lines")
        }
    }

    @Test(arguments: Isolation.allCases)
    func theProfileIsWhatThePluginSays(_ isolation: Isolation) async throws {
        let pair = { (options: inout HandlerOptions) in if isolation == .worker { options.workers = 2 } }
        try await TestHost.with("keyed", of: "obedient", in: isolation, pair) { test, profile in
            #expect(profile.plugin.name == "obedient" && profile.plugin.version == "1.2.3")
            #expect(profile.plugin.handlers.map(\.id.text) == ["obedient", "batching", "keyed"])
            // Inline there is one instance, with its threads.
            let instances = isolation == .inline ? 1 : 2
            #expect(profile.concurrency == 3 * instances && profile.maximumBatch == 10)
            #expect(profile.businessKey == ["/order/id", "/line"])
            #expect(profile.routes.map(\.source) == ["test.*", "other"])
            #expect(profile.sandbox.isComplete == (isolation == .worker))
            #expect(profile.sandbox.isInline == (isolation == .inline))
            #expect(test.recorder.events.count { if case .ready = $0 { true } else { false } } == instances)
        }
    }

    @Test(arguments: Isolation.allCases)
    func aHandlerSeesItsEvent(_ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            let outcome = try await test.run("obedient", do: "show")
            let expected =
                "e-0|test.in|Thing.Asked.v1|urn:test:thing:1|key-1|corr-1|group-1|00-trace-parent-01"
                + "|2|3|1|4000|5000|user-id=user-1|1"
            #expect(outcome.effects?.writes.first?.value?.text == expected)
        }
    }

    @Test(arguments: Isolation.allCases)
    func aFrameOfTenIsDividedIntoTheHandlersOwnCalls(_ isolation: Isolation) async throws {
        try await TestHost.with("batching", of: "obedient", in: isolation) { test, _ in
            let outcomes = try await test.run("batching", Array(repeating: "{}", count: 10))
            let calls = [4, 4, 4, 4, 4, 4, 4, 4, 2, 2]
            #expect(outcomes.map(\.word) == calls.map { "reject call-of-\($0)" })
        }
    }

    @Test(arguments: Isolation.allCases)
    func elevenEventsAreNoBatch(_ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            await #expect(throws: Failure.self) {
                try await test.run("obedient", Array(repeating: "{}", count: 11))
            }
        }
    }

    @Test(arguments: Isolation.allCases)
    func manyBatchesAtOnceAreEachAnswered(_ isolation: Isolation) async throws {
        let pair = { (options: inout HandlerOptions) in if isolation == .worker { options.workers = 2 } }
        try await TestHost.with("keyed", of: "obedient", in: isolation, pair) { test, _ in
            let done = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        try await test.run("keyed", Array(repeating: #"{"do":"done"}"#, count: 10))
                            .count { $0.word == "done" }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(done == 500)
        }
    }

    // MARK: - state

    @Test(arguments: Isolation.allCases)
    func anUnknownKeyIsARoundTripAndItsVersionIsKept(_ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            test.state.set("counter", "41", version: 7)
            let effects = try await test.run("obedient", do: "count").effects
            #expect(effects?.reads == [StateRead(key: Bytes("counter"), version: 7)])
            let write = StateWrite(
                key: Bytes("counter"), value: Bytes("42"), expected: 7, timeToLive: .seconds(60))
            #expect(effects?.writes == [write])
            #expect(test.state.reads == [["counter"]])
        }
    }

    @Test(arguments: Isolation.allCases)
    func declaredKeysTravelWithTheEvent(_ isolation: Isolation) async throws {
        try await TestHost.with("keyed", of: "obedient", in: isolation) { test, _ in
            test.state.set("position:EUR", "100", version: 3)
            let detail = #"{"do":"copy","currency":"EUR"}"#
            let effects = try await test.run("keyed", [detail])[0].effects
            #expect(test.state.reads == [["position:EUR", "fixed"]])
            #expect(effects?.reads == [StateRead(key: Bytes("position:EUR"), version: 3)])
            #expect(
                effects?.writes == [StateWrite(key: Bytes("copy"), value: Bytes("100"), expected: nil)])
        }
    }

    @Test(arguments: Isolation.allCases)
    func manyKeysAreOneRoundTripAndAnEraseIsAWrite(_ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            test.state.set("a", "A", version: 1)
            test.state.set("b", "B", version: 2)
            let effects = try await test.run("obedient", do: "get-many").effects
            #expect(test.state.reads == [["a", "missing", "b"]])
            #expect(effects?.reads.map(\.version) == [1, 0, 2])
            #expect(effects?.writes.first { $0.key == Bytes("joined") }?.value?.text == "A-B-A-1")
            #expect(
                effects?.writes.first { $0.key == Bytes("a") }
                    == StateWrite(key: Bytes("a"), value: nil, expected: 1))
        }
    }

    @Test(arguments: ["conflict", "unavailable", "fill"], Isolation.allCases)
    func theServiceSaysWhatDoesNotGo(_ command: String, _ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            test.state.set("a", "A", version: 1)
            try await test.expect("obedient", do: command, "done")
        }
    }

    // MARK: - publish, timers

    @Test(arguments: Isolation.allCases)
    func aDraftIsCanonicalAndInheritsFromItsParent(_ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            let drafts = try await test.run("obedient", do: "publish").effects?.drafts
            let expected = Draft(
                source: "test.out", detailType: "Thing.Made.v1", resource: "urn:test:thing:1",
                correlationID: "corr-1", detail: Bytes(#"{"a":[],"b":1}"#),
                attributes: [Attribute(name: "channel", value: "mail")])
            #expect(drafts == [expected])
        }
    }

    @Test(arguments: Isolation.allCases)
    func whatIsNotListedIsDeniedAndNoted(_ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            try await test.expect("obedient", do: "publish-unlisted", "done")
            await test.recorder.first {
                if case .denied(let id, "test.out", "Thing.Gone.v1") = $0 { id.text == "e-0" } else { false }
            }
        }
    }

    @Test(arguments: Isolation.allCases)
    func aDraftThatIsNotJSONRejectsItsParent(_ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            try await test.expect("obedient", do: "publish-garbage", "reject publish.invalid")
        }
    }

    @Test(arguments: Isolation.allCases)
    func theSeventeenthDraftIsTooMuch(_ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            let drafts = try await test.run("obedient", do: "publish-many").effects?.drafts
            #expect(drafts?.count == 16)
        }
    }

    @Test(arguments: Isolation.allCases)
    func aTimerOfOneKeyIsMoved(_ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            let timers = try await test.run("obedient", do: "timers").effects?.timers
            #expect(
                timers == [
                    TimerChange(
                        key: Bytes("reminder"), at: Instant(unixMilliseconds: 2_000), detail: Bytes(#"{"n":2}"#)),
                    TimerChange(key: Bytes("other"), at: Instant(unixMilliseconds: 3_000), detail: []),
                ])
        }
    }

    @Test(arguments: Isolation.allCases)
    func anEventThatIsOverGetsNothingMore(_ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            let two = [#"{"do":"done"}"#, #"{"do":"stale"}"#]
            let words = try await test.run("obedient", two).map(\.word)
            #expect(words == ["done", "done"])
        }
    }

    // MARK: - telemetry

    @Test(arguments: Isolation.allCases)
    func linesMetricsAndOutputReachTheObserver(_ isolation: Isolation) async throws {
        try await TestHost.with("obedient", of: "obedient", in: isolation) { test, _ in
            _ = try await test.run("obedient", do: "speak")
            let fields = [Attribute(name: "order", value: "O-1")]
            let event = EventID(issuer: "issuer", text: "e-0")
            #expect(test.recorder.lines.first?.message == "two lines")
            #expect(test.recorder.lines.first?.fields == fields && test.recorder.lines.first?.level == .warning)
            #expect(test.recorder.lines.first?.event == event)
            #expect(test.recorder.lines.first?.traceParent == "00-trace-parent-01")
            #expect(test.recorder.lines.last?.event == nil)
            await test.host.stop(within: .seconds(5))
            // Inline it prints where the sidecar prints.
            #expect(test.recorder.output == (isolation == .worker ? ["printed", "no end of linedestroyed"] : []))
            let samples = test.recorder.events.flatMap { event -> [HandlerSample] in
                if case .samples(let all) = event { all } else { [] }
            }
            var buckets = [UInt64](repeating: 0, count: 20)
            buckets[4] = 1
            buckets[19] = 1
            let expected = [
                HandlerSample(
                    name: "orders", labels: [Attribute(name: "currency", value: "EUR")], value: .count(6)),
                HandlerSample(
                    name: "seconds", labels: [], value: .histogram(count: 2, sum: 5000.015, buckets: buckets)),
            ]
            #expect(samples == expected)
            #expect(
                test.recorder.events.contains {
                    if case .dropped(0, samples: 1) = $0 { true } else { false }
                })
        }
    }
}
