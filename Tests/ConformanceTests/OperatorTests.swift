@testable import Conformance
import Events
import Plugins
import Support
import Testing

/// What an operator reads of each mistake, and what becomes of the event and its neighbours.
@Suite struct OperatorTests {
    private func event(_ mistake: String) -> SampleEvent {
        SampleEvent(source: "test.in", detailType: "Thing.Asked.v1", detail: Bytes("{\"do\":\"\(mistake)\"}"))
    }

    private func with(
        _ change: (inout BenchSetting) -> Void = { _ in }, _ body: (Bench) async throws -> Void
    ) async throws -> BenchJournal {
        var setting = Library.setting("libfixture-careless.so")
        setting.deadline = .seconds(1)
        change(&setting)
        let bench = try Bench(setting, handler: HandlerID("careless"))
        do {
            try await bench.start(Bytes("{}"))
            try await body(bench)
        } catch {
            await bench.stop()
            throw error
        }
        await bench.stop()
        return bench.journal
    }

    /// Runs one event, which must be done.
    private func expectDone(_ mistake: String, alone: Bool = false, in bench: Bench) async throws {
        let outcome = try await bench.run([event(mistake)], alone: alone)[0]
        #expect(isDone(outcome))
    }

    private func isDone(_ outcome: Outcome) -> Bool { if case .done = outcome { true } else { false } }

    @Test(arguments: [
        ("crash", FailureCode.handleCrashed, "killed by signal 11 (SIGSEGV)"),
        ("overflow", .handleCrashed, "killed by signal 11 (SIGSEGV)"),
        ("throw", .handleCrashed, "killed by signal 6 (SIGABRT)"),
        ("exit", .handleCrashed, "exited with status 0"),
        ("overrun", .handleCrashed, "exited with status 71: its handler wrote outside of an eh_result"),
        ("scribble", .handleCrashed, "exited with status 72: its handler wrote over an eh_event"),
        ("close", .handleCrashed, "socket"), ("frame", .handleBadFrame, "frame ends early"),
        ("block", .handleTimedOut, "no answer within deadline and grace"),
        ("spin", .handleTimedOut, "no answer within deadline and grace"),
    ]) func aDeathIsItsOwnEventsAndSparesTheOthers(
        _ mistake: String, _ code: FailureCode, _ words: String
    ) async throws {
        let journal = try await with { bench in
            let together = try await bench.run([event("well"), event(mistake), event("well")])
            #expect(together.allSatisfy { if case .suspect = $0 { true } else { false } })
            for _ in 0..<2 { try await expectDone("well", alone: true, in: bench) }
            guard case .struck(let failure) = try await bench.run([event(mistake)], alone: true)[0] else {
                Issue.record("not struck")
                return
            }
            #expect(failure.code == code && failure.cause.contains(words), "\(failure)")
        }
        let ends = journal.events.compactMap { if case .ended(let cause, _) = $0 { cause } else { nil } }
        #expect(ends.filter { $0.contains(words) }.count == 2, "\(ends)")
        if mistake == "throw" { #expect(journal.output.contains { $0.contains("terminate called") }) }
    }

    @Test func whoAnswersNothingIsTriedAgainAndItsNeighboursAreDone() async throws {
        _ = try await with { bench in
            let outcomes = try await bench.run([event("well"), event("nothing"), event("well")])
            #expect(isDone(outcomes[0]) && isDone(outcomes[2]))
            guard case .retry(nil, let reason) = outcomes[1] else {
                Issue.record("not retried")
                return
            }
            #expect(reason == Reason(code: "unanswered", detail: "handle() returned without an answer"))
        }
    }

    @Test func aLateAnswerCountsForNothingAndTheWorkerLives() async throws {
        let journal = try await with({ $0.grace = .seconds(5) }) { bench in
            guard case .unanswered = try await bench.run([event("late")])[0] else {
                Issue.record("it counted")
                return
            }
            try await expectDone("well", in: bench)
        }
        #expect(journal.isLate && journal.kills.isEmpty)
    }

    @Test(arguments: [
        ("effects", "eh_state.put answered EH_TOO_LARGE"), ("text", "eh_publish.publish answered EH_INVALID"),
    ]) func aCallThatIsRefusedIsAWarning(_ mistake: String, _ line: String) async throws {
        let journal = try await with { bench in _ = try await bench.run([event(mistake)]) }
        #expect(journal.breaches.contains(line))
    }

    @Test func whatIsNotUTF8IsReplacedWhereItIsRead() async throws {
        let journal = try await with { bench in
            guard case .retry(_, let reason) = try await bench.run([event("text")])[0] else {
                Issue.record("not retried")
                return
            }
            #expect(reason.code == "order.-" && reason.detail.contains("\u{FFFD}"))
        }
        #expect(journal.lines.map(\.message) == ["(not UTF-8)"])
    }

    @Test(arguments: ["flood", "metrics"]) func whatIsTooMuchIsDroppedAndCounted(_ mistake: String) async throws {
        let journal = try await with { bench in try await expectDone(mistake, in: bench) }
        if mistake == "flood" { #expect(journal.dropped.lines > 0 && journal.lines.count < 5_000) }
        if mistake == "metrics" { #expect(journal.dropped.samples == 101 && journal.samples.count == 200) }
    }

    @Test func aDraftThatIsNotListedIsDeniedAndNamed() async throws {
        let journal = try await with({ $0.publish = [RoutePattern(source: "other", detailType: "*")] }) { bench in
            try await expectDone("publish", in: bench)
        }
        #expect(journal.denied == [RoutePattern(source: "test.out", detailType: "Thing.Made.v1")])
    }

    @Test func aThreadThatOutlivesDestroyIsAWarning() async throws {
        let journal = try await with { bench in try await expectDone("thread", in: bench) }
        #expect(journal.breaches == ["destroy() returned before 1 of the handler's threads ended"])
    }
}
