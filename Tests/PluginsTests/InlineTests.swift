import Events
import Foundation
import Pipeline
@testable import Plugins
import Support
import Testing
import WorkerProtocol

/// What differs where a handler runs in the sidecar. (What does not is in ContractTests and LoadingTests, for both.)
@Suite struct InlineTests {
    private func inline(
        _ handler: String, of plugin: String, _ change: (inout HandlerOptions) -> Void = { _ in }
    ) -> HandlerOptions {
        var options = TestHost.options(handler, of: plugin)
        options.isolation = .inline
        options.deadline = .seconds(60)
        change(&options)
        return options
    }

    private func hold(_ test: TestHost) -> String { "{\"do\":\"hold\",\"until\":\"\(test.folder.file("go"))\"}" }
    private func letGo(_ test: TestHost) throws { try Data().write(to: URL(filePath: test.folder.file("go"))) }

    /// Until so many events are in their handlers.
    private func underWay(_ test: TestHost, _ count: Int = 1) async throws {
        let came = try await eventually {
            let files = try FileManager.default.contentsOfDirectory(atPath: test.folder.path)
            return files.reduce(0) { $0 + BlameFile.marked(in: test.folder.file($1)).count } >= count
        }
        #expect(came)
    }

    // MARK: - reloads

    @Test func aReloadBuildsNewBeforeOldAndEachBatchHasItsOwn() async throws {
        let test = try TestHost()
        let options = inline("obedient", of: "obedient") { $0.plugin = test.folder.file("plugin.so") }
        try test.install("obedient", at: options.plugin, build: 1)
        _ = try await test.host.build(1, handlers: [options])
        try test.install("obedient", at: options.plugin, build: 2)
        let second = try await test.host.build(2, handlers: [options])
        #expect(!second.profiles[0].isReused)
        for generation in [1, 2, 1] {
            #expect(try await test.run("obedient", [#"{"do":"done"}"#], generation: generation)[0].word == "done")
        }
        #expect(try await test.host.build(3, handlers: [options]).profiles[0].isReused)
        await test.host.retire(before: 3, within: .seconds(60))
        // The second has nothing of its own any more, and the first an instance that must end.
        #expect(await Set([test.ending(), test.ending()]) == [1, 2])
        #expect(try await test.run("obedient", [#"{"do":"done"}"#], generation: 3)[0].word == "done")
        await test.host.stop(within: .seconds(60))
        #expect(test.recorder.ends.count == 2 && test.recorder.kills.isEmpty)
    }

    @Test func manyReloadsLeaveNeitherThreadsNorDescriptorsNorFiles() async throws {
        let test = try TestHost()
        func count(_ folder: String) throws -> Int { try FileManager.default.contentsOfDirectory(atPath: folder).count }
        let worker = inline("obedient", of: "obedient")
        _ = try await test.host.build(1, handlers: [worker])
        for number in 2...30 {
            _ = try await test.host.build(number, handlers: [inline("obedient", of: "obedient") {
                $0.configuration = Bytes("{\"n\":\(number)}")
            }])
            #expect(try await test.run("obedient", [#"{"do":"count"}"#], generation: number)[0].word == "done")
            await test.host.retire(before: number, within: .seconds(60))
        }
        await test.host.stop(within: .seconds(60))
        #expect(test.recorder.ends.count == 30)
        // The names of each are those of this instance alone, and are gone with it.
        let isClean = try await eventually { try count(test.folder.path) == 0 }
        #expect(isClean)
    }

    // MARK: - overruns

    @Test func whatOverrunsIsNotRunAgainBeforeItReturnsAndThenIsASuspect() async throws {
        let test = try TestHost()
        try await test.host.start(
            generation: 1, handlers: [inline("hostile", of: "hostile") { $0.deadline = .milliseconds(100) }])
        async let words = test.run("hostile", [#"{"do":"done"}"#, hold(test), #"{"do":"done"}"#]).map(\.word)
        let name = await test.recorder.first { if case .stuck = $0 { true } else { false } }
        #expect(name.process == 0 && test.recorder.ends.isEmpty)
        #expect(test.recorder.kills.map(\.code) == [.handleTimedOut])
        // Nothing else is given to it; what waits goes back to the pipeline.
        let unavailable = Failure(
            .handleWorkerUnavailable, "hostile",
            "restarted with backoff, the last: it does not return, and can only be ended with the sidecar")
        await #expect(throws: unavailable) { try await test.run("hostile", do: "done") }
        try letGo(test)
        #expect(try await words == ["done", "suspect", "unanswered"])
        // It is over, and another instance is there.
        let isBack = await eventually { (try? await test.run("hostile", do: "done")) != nil }
        #expect(isBack)
        await test.host.stop(within: .seconds(60))
    }

    @Test func anOverrunWhileAloneIsAStrike() async throws {
        let test = try TestHost()
        try await test.host.start(
            generation: 1, handlers: [inline("hostile", of: "hostile") { $0.deadline = .milliseconds(100) }])
        async let word = test.run("hostile", [hold(test)], alone: true)[0].word
        await test.recorder.first { if case .stuck = $0 { true } else { false } }
        try letGo(test)
        #expect(try await word == "struck handle.timed-out")
        await test.host.stop(within: .seconds(60))
    }

    @Test func aLateAnswerWithinTheGraceIsIgnoredAndTheInstanceLives() async throws {
        let change: (inout HandlerOptions) -> Void = {
            $0.deadline = .milliseconds(200)
            $0.grace = .seconds(60)
        }
        try await TestHost.with("hostile", of: "hostile", in: .inline, change) { test, _ in
            try await test.expect("hostile", do: "late", "unanswered")
            try await test.expect("hostile", do: "done", "done")
            #expect(test.recorder.ends.isEmpty)
        }
    }

    @Test func neitherAReloadNorAStopWaitsForWhatDoesNotReturn() async throws {
        let test = try TestHost()
        _ = try await test.host.build(
            1, handlers: [inline("hostile", of: "hostile") { $0.deadline = .milliseconds(100) }])
        async let word = test.run("hostile", [hold(test)])[0].word
        await test.recorder.first { if case .stuck = $0 { true } else { false } }
        _ = try await test.host.build(2, handlers: [inline("hostile", of: "hostile")])
        await test.host.retire(before: 2, within: .milliseconds(100))
        #expect(await test.ending() == 1)
        #expect(try await test.run("hostile", [#"{"do":"done"}"#], generation: 2)[0].word == "done")
        // What still runs keeps its claim, until it returns or the sidecar ends.
        await test.host.stop(within: .milliseconds(100))
        #expect(try await word == "unanswered")
        try letGo(test)
    }

    @Test func aCreateThatHangsFailsTheBuildInTime() async throws {
        let test = try TestHost()
        let failure = await test.refusal(inline("obedient", of: "obedient") {
            $0.createDeadline = .milliseconds(200)
            $0.configuration = Bytes(#"{"create":"hang"}"#)
        })
        #expect(failure?.code == .pluginNotReady)
        await test.host.stop(within: .milliseconds(100))
    }

    @Test func aPluginInSwiftIsRefusedBeforeItIsLoaded() async throws {
        var options = inline("hello-swift", of: "obedient")
        options.plugin = Fixtures.products + "/liboutrigger-call.so"
        let test = try TestHost()
        let failure = await test.refusal(options)
        #expect(failure == Failure(.pluginMismatch, options.plugin, "it is written in Swift, and only C runs inline"))
        #expect(test.recorder.events.isEmpty)
    }

    // MARK: - alone

    @Test func oneThatMustBeAloneIsAloneInTheSidecar() async throws {
        let test = try TestHost()
        let handlers = [inline("hostile", of: "hostile"), inline("obedient", of: "obedient")]
        try await test.host.start(generation: 1, handlers: handlers)
        async let first = test.run("hostile", [hold(test)])[0].word
        try await underWay(test)
        async let alone = test.run("obedient", [#"{"do":"done"}"#], alone: true, fence: 200)[0].word
        async let other = test.run("hostile", [#"{"do":"done"}"#], fence: 300)[0].word
        try letGo(test)
        #expect(try await [first, alone, other] == ["done", "done", "done"])
        await test.host.stop(within: .seconds(60))
    }

    // MARK: - deaths of the sidecar

    @Test func aCrashIsBlamedOnTheEventByTheNextSidecar() async throws {
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .signal(SIGABRT)) { [path = folder.path as String] in
            try await Self.crash(in: path, alone: false)
        }
        let test = try TestHost(directory: folder.path)
        #expect(test.host.suspectsAtStart().map(\.text) == ["e-1"])
        try await test.host.start(generation: 1, handlers: [inline("hostile", of: "hostile")])
        #expect(try await test.run("hostile", [#"{"do":"done"}"#], alone: true)[0].word == "done")
        await test.host.stop(within: .seconds(60))
    }

    @Test func aCrashWhileAloneIsAStrikeWhenTheEventComesBack() async throws {
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .signal(SIGABRT)) { [path = folder.path as String] in
            try await Self.crash(in: path, alone: true)
        }
        // The event did not come back to this one: the strike waits.
        #expect(try TestHost(directory: folder.path).host.suspectsAtStart().map(\.text) == ["e-0"])
        let test = try TestHost(directory: folder.path)
        #expect(test.host.suspectsAtStart().map(\.text) == ["e-0"])
        try await test.host.start(generation: 1, handlers: [inline("hostile", of: "hostile")])
        let outcome = try await test.run("hostile", [#"{"do":"done"}"#], alone: true)[0]
        #expect(outcome.word == "struck handle.crashed", "it is not run")
        // The next time it is.
        #expect(try await test.run("hostile", [#"{"do":"done"}"#], alone: true)[0].word == "done")
        await test.host.stop(within: .seconds(60))
        #expect(try TestHost(directory: folder.path).host.suspectsAtStart().isEmpty)
    }

    @Test func whoWritesOverWhatIsCheckedEndsTheSidecarToo() async throws {
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .signal(SIGABRT)) { [path = folder.path as String] in
            var options = TestHost.options("careless", of: "careless")
            options.isolation = .inline
            options.configuration = Bytes(#"{"do":"overrun"}"#)
            let test = try TestHost(directory: path)
            try await test.host.start(generation: 1, handlers: [options])
            _ = try await test.run("careless", ["{}"])
        }
        #expect(try TestHost(directory: folder.path).host.suspectsAtStart().map(\.text) == ["e-0"])
    }

    private static func crash(in directory: String, alone: Bool) async throws {
        var options = TestHost.options("hostile", of: "hostile")
        options.isolation = .inline
        let test = try TestHost(directory: directory)
        try await test.host.start(generation: 1, handlers: [options])
        let details = alone ? [#"{"do":"abort"}"#] : [#"{"do":"done"}"#, #"{"do":"abort"}"#]
        _ = try await test.run("hostile", details, alone: alone)
    }
}
