import Events
import Foundation
import Pipeline
@testable import Plugins
import Support
import Testing

/// Generations side by side: what is unchanged goes on, what is new starts first, what is old ends last.
@Suite struct GenerationTests {
    private func obedient(_ change: (inout HandlerOptions) -> Void = { _ in }) -> HandlerOptions {
        var options = TestHost.options("obedient", of: "obedient")
        change(&options)
        return options
    }

    private func processes(_ test: TestHost) -> Set<Int32> {
        Set(
            test.recorder.records.compactMap { event, worker in
                if case .started = event { worker.process } else { nil }
            })
    }

    private func has(_ code: FailureCode, _ body: () async throws -> Void) async {
        await #expect { try await body() } throws: { ($0 as? Failure)?.code == code }
    }

    // MARK: - what goes on, and what is new

    @Test func anUnchangedHandlerKeepsItsWorkers() async throws {
        let test = try TestHost()
        let keyed = TestHost.options("keyed", of: "obedient")
        let first = try await test.host.build(1, handlers: [obedient(), keyed])
        #expect(first.profiles.map(\.isReused) == [false, false])
        let changed = obedient { $0.deadline = .seconds(7) }
        let second = try await test.host.build(2, handlers: [changed, keyed])
        #expect(second.profiles.map(\.isReused) == [false, true])
        await test.host.retire(before: 2, within: .seconds(5))
        #expect(processes(test).count == 3)
        #expect(try await test.run("keyed", [#"{"do":"done"}"#], generation: 2)[0].word == "done")
        await test.host.stop(within: .seconds(5))
        #expect(test.recorder.ends.count == 3)
    }

    @Test func anotherBuildOfThePluginHasWorkersOfItsOwn() async throws {
        let test = try TestHost()
        let options = obedient { $0.plugin = test.folder.file("plugin.so") }
        try test.install("obedient", at: options.plugin, build: 1)
        let first = try await test.host.build(1, handlers: [options])
        try test.install("obedient", at: options.plugin, build: 2)
        let second = try await test.host.build(2, handlers: [options])
        #expect(!second.profiles[0].isReused && second.profiles[0].digest != first.profiles[0].digest)
        // The first build back again: what serves now is the second.
        try test.install("obedient", at: options.plugin, build: 1)
        await test.host.retire(before: 2, within: .seconds(5))
        let third = try await test.host.build(3, handlers: [options])
        #expect(!third.profiles[0].isReused && third.profiles[0].digest == first.profiles[0].digest)
        await test.host.stop(within: .seconds(5))
    }

    @Test func eachBatchRunsInTheGenerationThatItNames() async throws {
        let test = try TestHost()
        let options = obedient { $0.workers = 2 }
        _ = try await test.host.build(1, handlers: [options])
        _ = try await test.host.build(2, handlers: [obedient { $0.deadline = .seconds(9) }])
        for generation in [1, 2, 1] {
            #expect(try await test.run("obedient", [#"{"do":"done"}"#], generation: generation)[0].word == "done")
        }
        await test.host.retire(before: 2, within: .seconds(5))
        await has(.handleWorkerUnavailable) {
            _ = try await test.run("obedient", [#"{"do":"done"}"#], generation: 1)
        }
        #expect(try await test.run("obedient", [#"{"do":"done"}"#], generation: 2)[0].word == "done")
        await test.host.stop(within: .seconds(5))
    }

    // MARK: - ends

    @Test func whatRunsIsFinishedWithinTheDrain() async throws {
        let test = try TestHost()
        let slow = hostile { $0.deadline = .seconds(600) }
        _ = try await test.host.build(1, handlers: [slow])
        async let old = test.run("hostile", [#"{"do":"late"}"#]).map(\.word)
        try await underWay(test)
        _ = try await test.host.build(2, handlers: [hostile { $0.deadline = .seconds(601) }])
        await test.host.retire(before: 2, within: .seconds(600))
        #expect(try await test.run("hostile", [#"{"do":"done"}"#], generation: 2)[0].word == "done")
        #expect(await test.host.alive == [1, 2])
        test.host.revoke(Lease(fence: 100))
        #expect(try await old == ["unanswered"])
        #expect(await test.ending() == 1)
        #expect(await test.host.alive == [2])
        await test.host.stop(within: .seconds(5))
    }

    @Test func whatOverrunsTheDrainIsKilledAndBlamed() async throws {
        let test = try TestHost()
        _ = try await test.host.build(1, handlers: [hostile { $0.deadline = .seconds(600) }])
        async let old = test.run("hostile", [#"{"do":"loop"}"#]).map(\.word)
        try await underWay(test)
        _ = try await test.host.build(2, handlers: [hostile()])
        await test.host.retire(before: 2, within: .milliseconds(100))
        #expect(try await old == ["unanswered"], "through no fault of its own")
        #expect(await test.ending() == 1)
        await test.host.stop(within: .seconds(5))
    }

    @Test func aGenerationThatHasNothingOfItsOwnEndsAtOnce() async throws {
        let test = try TestHost()
        _ = try await test.host.build(1, handlers: [obedient()])
        _ = try await test.host.build(2, handlers: [obedient()])
        await test.host.retire(before: 2, within: .seconds(600))
        #expect(await test.ending() == 1)
        #expect(processes(test).count == 1)
        await test.host.stop(within: .seconds(5))
    }

    @Test func aFourthGenerationWaitsForTheOldestToEnd() async throws {
        let test = try TestHost()
        _ = try await test.host.build(1, handlers: [hostile { $0.deadline = .seconds(600) }])
        async let old = test.run("hostile", [#"{"do":"late"}"#]).map(\.word)
        try await underWay(test)
        _ = try await test.host.build(2, handlers: [hostile { $0.deadline = .seconds(601) }])
        async let second = test.run("hostile", [#"{"do":"late"}"#], generation: 2, fence: 200).map(\.word)
        try await underWay(test, 2)
        _ = try await test.host.build(3, handlers: [hostile { $0.deadline = .seconds(602) }])
        await test.host.retire(before: 3, within: .seconds(600))
        #expect(await test.host.alive == [1, 2, 3])
        async let fourth = test.host.build(4, handlers: [hostile { $0.deadline = .seconds(603) }])
        test.host.revoke(Lease(fence: 100))
        #expect(try await fourth.number == 4)
        #expect(await test.host.alive == [2, 3, 4])
        test.host.revoke(Lease(fence: 200))
        #expect(try await old + second == ["unanswered", "unanswered"])
        await test.host.stop(within: .seconds(5))
    }

    @Test func moreWorkersThanAllGenerationsMayHaveAreRefused() async throws {
        let test = try TestHost()
        _ = try await test.host.build(1, handlers: [obedient()])
        let many = obedient { $0.workers = Limits.workers }
        await has(.handleWorkerUnavailable) { _ = try await test.host.build(2, handlers: [many]) }
        try await test.expect("obedient", do: "done", "done")
        #expect(processes(test).count == 1)
        await test.host.stop(within: .seconds(5))
    }

    // MARK: - failures

    @Test(arguments: [
        ("obedient", #"{"create":"invalid"}"#, FailureCode.pluginRefused),
        ("obedient", #"{"create":"abort"}"#, .pluginNotLoadable), ("foreign", "{}", .pluginMismatch),
        ("missing", "{}", .pluginUnreadable),
    ])
    func aFailedBuildChangesNothingAndLeavesNothing(
        _ plugin: String, _ config: String, _ code: FailureCode
    ) async throws {
        let test = try TestHost()
        let keyed = TestHost.options("keyed", of: "obedient")
        _ = try await test.host.build(1, handlers: [keyed])
        var wrong = TestHost.options("obedient", of: plugin)
        wrong.configuration = Bytes(config)
        await has(code) { _ = try await test.host.build(2, handlers: [keyed, obedient { $0.workers = 2 }, wrong]) }
        #expect(await test.host.alive == [1])
        // A worker's files go with the last that holds it, a moment after its end is told.
        let isReaped = try await eventually(within: .seconds(20)) {
            let files = try FileManager.default.contentsOfDirectory(atPath: test.folder.path)
            return files.count { $0.hasSuffix(".blame") } == 1
        }
        #expect(isReaped, "all but the one that serves are reaped")
        #expect(try await test.run("keyed", [#"{"do":"done"}"#])[0].word == "done")
        // The next good one works.
        #expect(try await test.host.build(2, handlers: [keyed, obedient()]).profiles.map(\.isReused) == [true, false])
        await test.host.stop(within: .seconds(5))
    }

    @Test func aBuildThatIsGivenUpLeavesNothing() async throws {
        let test = try TestHost()
        _ = try await test.host.build(1, handlers: [obedient()])
        let never = obedient { $0.configuration = Bytes(#"{"create":"never"}"#) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await has(.handleWorkerUnavailable) { _ = try await test.host.build(2, handlers: [never]) }
            }
            await test.recorder.first { if case .notReady = $0 { true } else { false } }
            group.cancelAll()
        }
        #expect(await test.host.alive == [1])
        try await test.expect("obedient", do: "done", "done")
        await test.host.stop(within: .seconds(5))
    }

    @Test func aGenerationThatIsDiscardedIsReaped() async throws {
        let test = try TestHost()
        _ = try await test.host.build(1, handlers: [obedient()])
        _ = try await test.host.build(2, handlers: [obedient { $0.deadline = .seconds(9) }])
        await test.host.discard(2)
        #expect(test.recorder.ends.count == 1)
        try await test.expect("obedient", do: "done", "done")
        await test.host.stop(within: .seconds(5))
    }

    // MARK: - parts

    private func hostile(_ change: (inout HandlerOptions) -> Void = { _ in }) -> HandlerOptions {
        var options = TestHost.options("hostile", of: "hostile")
        change(&options)
        return options
    }

    /// Until so many events are in their handlers.
    private func underWay(_ test: TestHost, _ count: Int = 1) async throws {
        let came = try await eventually {
            let files = try FileManager.default.contentsOfDirectory(atPath: test.folder.path)
            return files.reduce(0) { $0 + BlameFile.marked(in: test.folder.file($1)).count } >= count
        }
        #expect(came)
    }
}

extension TestHost {
    /// Copies a plugin and makes it a build of its own: what follows an ELF file changes its hash and nothing else.
    func install(_ name: String, at path: String, build: Int) throws {
        let bytes = try Data(contentsOf: URL(filePath: Self.plugin(name))) + Data("build \(build)".utf8)
        try bytes.write(to: URL(filePath: path), options: .atomic)
    }

    /// The next generation that ends.
    func ending() async -> Int? {
        for await number in host.endings { return number }
        return nil
    }
}
