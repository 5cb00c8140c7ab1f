import Events
import Foundation
import Pipeline
@testable import Plugins
import Support
import Testing
import WorkerProtocol

/// Handlers that die, hang or lie, and who is blamed for it.
@Suite struct BlameTests {
    @Test(arguments: ["abort", "segv", "exit", "overflow", "allocate", "thread", "close", "replace"])
    func aDeathSuspectsTheEventAndSparesItsNeighbours(_ command: String) async throws {
        try await TestHost.with("hostile", of: "hostile", { $0.memory = 67_108_864 }) { test, _ in
            var details = Array(repeating: #"{"do":"done"}"#, count: 10)
            details[4] = "{\"do\":\"\(command)\"}"
            let words = try await test.run("hostile", details).map(\.word)
            #expect(words[..<4].allSatisfy { $0 == "done" })
            #expect(words[4] == "suspect")
            #expect(words[5...].allSatisfy { $0 == "unanswered" })
            // The next worker is there at once.
            try await test.expect("hostile", do: "done", "done")
        }
    }

    @Test(arguments: [
        ("abort", "struck handle.crashed"), ("segv", "struck handle.crashed"), ("exit", "struck handle.crashed"),
        ("loop", "struck handle.timed-out"), ("garbage", "struck handle.bad-frame"),
        ("forge", "struck handle.bad-frame"),
    ])
    func aDeathWhileAloneIsAStrike(_ command: String, _ word: String) async throws {
        try await TestHost.with("hostile", of: "hostile", { $0.deadline = .milliseconds(300) }) { test, _ in
            let outcome = try await test.run("hostile", do: command, alone: true)
            #expect(outcome.word == word)
            guard case .struck(let failure) = outcome else { return }
            #expect(failure.subject == "e-0" && !failure.cause.isEmpty)
        }
    }

    @Test func everyEventOfACallIsASuspect() async throws {
        try await TestHost.with("batching", of: "obedient") { test, _ in
            var details = Array(repeating: "{}", count: 10)
            details[5] = #"{"do":"abort"}"#
            let words = try await test.run("batching", details).map(\.word)
            #expect(words[..<4].allSatisfy { $0 == "reject call-of-4" })
            #expect(words[4..<8].allSatisfy { $0 == "suspect" })
            #expect(words[8...].allSatisfy { $0 == "unanswered" })
        }
    }

    @Test(arguments: ["garbage", "forge"])
    func whoSendsWhatIsNoFrameIsKilled(_ command: String) async throws {
        try await TestHost.with("hostile", of: "hostile") { test, _ in
            let details = [#"{"do":"done"}"#, "{\"do\":\"\(command)\"}", #"{"do":"done"}"#]
            let words = try await test.run("hostile", details).map(\.word)
            #expect(words == ["done", "suspect", "unanswered"])
            #expect(test.recorder.kills.map(\.code) == [.handleBadFrame])
        }
    }

    @Test func aDraftThatGoesRoundTheListIsABadFrame() async throws {
        try await TestHost.with("hostile", of: "hostile") { test, _ in
            try await test.expect("hostile", do: "smuggle", "suspect")
            #expect(test.recorder.kills.map(\.cause) == ["a draft that is not listed"])
        }
    }

    @Test func theDeadlineEndsInAKillAndTheNeighboursGoFree() async throws {
        try await TestHost.with("hostile", of: "hostile", { $0.deadline = .milliseconds(200) }) { test, _ in
            let details = [#"{"do":"done"}"#, #"{"do":"loop"}"#, #"{"do":"done"}"#]
            let words = try await test.run("hostile", details).map(\.word)
            #expect(words == ["done", "suspect", "unanswered"])
            #expect(test.recorder.kills.map(\.code) == [.handleTimedOut])
        }
    }

    @Test func aLateAnswerIsIgnoredAndCountedAndTheWorkerLives() async throws {
        try await TestHost.with(
            "hostile", of: "hostile",
            {
                $0.deadline = .milliseconds(200)
                $0.grace = .seconds(20)
            }
        ) { test, _ in
            try await test.expect("hostile", do: "late", "unanswered")
            await test.recorder.first { if case .late(answers: 1) = $0 { true } else { false } }
            try await test.expect("hostile", do: "done", "done")
            #expect(test.recorder.ends.isEmpty)
        }
    }

    @Test func aRevokedEventHasNoTimeLeft() async throws {
        try await TestHost.with("hostile", of: "hostile", { $0.deadline = .seconds(600) }) { test, _ in
            async let outcome = test.run("hostile", [#"{"do":"late"}"#])
            // The revocation may come before the batch does: it is repeated until the worker has heard it.
            async let isHeard = eventually {
                test.host.revoke(Lease(fence: 100))
                return test.recorder.events.contains { if case .late(answers: 1) = $0 { true } else { false } }
            }
            let (heard, words) = try await (isHeard, outcome.map(\.word))
            #expect(heard)
            #expect(words == ["unanswered"])
        }
    }

    @Test func anotherThreadsEventIsASuspectToo() async throws {
        try await TestHost.with("paired", of: "hostile", { $0.deadline = .seconds(60) }) { test, _ in
            async let waiting = test.run("paired", [#"{"do":"late"}"#])
            async let dying = test.run("paired", [#"{"do":"abort"}"#])
            let words = try await [waiting[0].word, dying[0].word]
            #expect(words[1] == "suspect")
            #expect(["suspect", "unanswered"].contains(words[0]))
        }
    }

    @Test func oneThatMustBeAloneHasAWorkerToItself() async throws {
        try await TestHost.with("paired", of: "hostile", { $0.deadline = .milliseconds(300) }) { test, _ in
            async let company = test.run("paired", [#"{"do":"late"}"#])
            async let alone = test.run("paired", [#"{"do":"abort"}"#], alone: true)
            let words = try await [company[0].word, alone[0].word]
            #expect(words == ["unanswered", "struck handle.crashed"])
        }
    }

    @Test(arguments: ["flood", "flood-output"])
    func aFloodIsBoundedAndHarmsNobody(_ command: String) async throws {
        try await TestHost.with("hostile", of: "hostile") { test, _ in
            try await test.expect("hostile", do: command, "done")
            await test.recorder.first { if case .dropped = $0 { true } else { false } }
            // Nobody can say how many seconds it took; but it was far from all.
            #expect(test.recorder.lines.count + test.recorder.output.count < 20_000)
        }
    }

    // MARK: - restarts, stops

    @Test func deathsInARowAreRestartedWithBackoffAndASuccessForgetsThem() async throws {
        try await TestHost.with("hostile", of: "hostile") { test, _ in
            for _ in 0..<2 { try await test.expect("hostile", do: "abort", "suspect") }
            // Refused until the next worker is there.
            let isBack = await eventually { (try? await test.run("hostile", do: "done")) != nil }
            #expect(isBack)
            try await test.expect("hostile", do: "abort", "suspect")
            _ = await eventually { test.recorder.ends.count >= 3 }
            let restarts = test.recorder.events.compactMap { event -> Duration? in
                if case .ended(_, let restart) = event { restart } else { nil }
            }
            #expect(restarts == [.zero, .milliseconds(100), .zero])
        }
    }

    @Test func whileItsWorkerWaitsForTheRestartAHandlerIsUnavailable() async throws {
        try await TestHost.with("hostile", of: "hostile") { test, _ in
            var failure: Failure?
            // Each death doubles the wait, so that one of the next batches comes within it.
            while failure == nil {
                do { _ = try await test.run("hostile", do: "abort") } catch { failure = error as? Failure }
            }
            #expect(failure?.code == .handleWorkerUnavailable)
            #expect(failure?.cause == "restarted with backoff, the last: killed by signal 6 (SIGABRT)")
        }
    }

    @Test func anUnknownHandlerHasNoWorker() async throws {
        let unknown = Failure(.handleWorkerUnavailable, "nobody", "generation 1 does not have it, or has ended")
        await #expect(throws: unknown) {
            try await TestHost().run("nobody", do: "done")
        }
    }

    @Test func stoppingKillsWhatDoesNotEndAndBlamesNobody() async throws {
        let test = try TestHost()
        try await test.host.start(generation: 1, handlers: [TestHost.options("hostile", of: "hostile")])
        async let words = test.run("hostile", [#"{"do":"loop"}"#], alone: true).map(\.word)
        await test.recorder.first { if case .ready = $0 { true } else { false } }
        // Until the batch is under way stopping would refuse it.
        _ = try await eventually { try !blameFiles(test).allSatisfy { BlameFile.marked(in: $0).isEmpty } }
        await test.host.stop(within: .milliseconds(100))
        #expect(try await words == ["unanswered"])
        #expect(try blameFiles(test).isEmpty)
    }

    @Test func aFailedGenerationLeavesTheServingOneAlone() async throws {
        try await TestHost.with("hostile", of: "hostile") { test, _ in
            let wrong = TestHost.options("any", of: "foreign")
            #expect(await test.refusal(wrong)?.code == .pluginMismatch)
            try await test.expect("hostile", do: "done", "done")
        }
    }

    // MARK: - after the sidecar itself was killed

    @Test func leftMarksNameTheirEventsOnce() async throws {
        let test = try TestHost()
        let page = try BlameFile(in: test.folder.path)
        defer { close(page.descriptor) }
        let events = (0..<3).map { EventID(issuer: "issuer", text: "e-\($0)") }
        page.begin(lane: 2, batch: 9)
        for (index, event) in events.enumerated() { page.note(event, lane: 2, index) }
        #expect(page.mark(lane: 2) == nil)
        wp_mark_write(page.page, 2, wp_mark_of(9, 1, 1))
        #expect(page.mark(lane: 2) == BlameFile.Mark(batch: 9, events: 1..<2))
        #expect(test.host.suspectsAtStart() == [events[1]])
        #expect(test.host.suspectsAtStart().isEmpty)
    }

    @Test func aMarkOfAnEarlierBatchAndGarbageNameNobody() async throws {
        let test = try TestHost()
        let page = try BlameFile(in: test.folder.path)
        defer { close(page.descriptor) }
        page.begin(lane: 0, batch: 2)
        page.note(EventID(issuer: "issuer", text: "e"), lane: 0, 0)
        wp_mark_write(page.page, 0, wp_mark_of(1, 0, 1))
        wp_mark_write(page.page, 1, wp_mark_of(0, 9, 9))
        try Data(repeating: 0xff, count: 4_096).write(to: URL(filePath: test.folder.file("x.blame")))
        try Data(repeating: 0xff, count: 184_320).write(to: URL(filePath: test.folder.file("x.blame.events")))
        try Data("short".utf8).write(to: URL(filePath: test.folder.file("y.blame")))
        #expect(test.host.suspectsAtStart().isEmpty)
    }

    private func blameFiles(_ test: TestHost) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: test.folder.path).filter { $0.hasSuffix(".blame") }
            .map { test.folder.file($0) }
    }
}
