import Events
import Foundation
import Glibc
import Pipeline
@testable import Plugins
import Support
import Testing

/// Memory, threads and processes: what is bounded, by whom, and what becomes of the events.
@Suite struct IsolationLimitTests {
    // MARK: - what the host sees

    @Test func usageIsWhatIsTheProcesssOwn() throws {
        let text = "Name:\tx\nRssAnon:\t   100 kB\nRssFile:\t 999 kB\nRssShmem:\t 20 kB\n"
            + "VmPTE:\t 3 kB\nVmSwap:\t 4 kB\n"
        let usage = try #require(WorkerUsage(status: text + "Threads:\t7\n"))
        #expect(usage.memory == 127 * 1_024 && usage.threads == 7)
        #expect(WorkerUsage(status: text) == nil)
        #expect(WorkerUsage(process: getpid())?.threads ?? 0 > 0)
        #expect(WorkerUsage(process: -1) == nil)
    }

    /// RLIMIT_DATA counts neither of them.
    @Test(arguments: [("share", HandlerOptions.Sandbox.off), ("map-tables", .required)])
    func memoryThatNoLimitCountsEndsInAKill(_ command: String, _ mode: HandlerOptions.Sandbox) async throws {
        let change: (inout HandlerOptions) -> Void = {
            $0.sandbox = mode
            $0.memory = 33_554_432
            $0.deadline = .seconds(600)
        }
        try await TestHost.with("hostile", of: "hostile", change) { test, _ in
            let outcome = try await test.run("hostile", do: command, alone: true)
            guard case .struck(let failure) = outcome else {
                Issue.record("\(outcome.word)")
                return
            }
            #expect(failure.code == .handleCrashed)
            #expect(failure.cause.hasPrefix("it uses ") && failure.cause.hasSuffix(" 33554432 are allowed"))
            try await test.expect("hostile", do: "done", "done")
        }
    }

    @Test func tooManyThreadsEndInAKill() async throws {
        let change: (inout HandlerOptions) -> Void = { $0.deadline = .seconds(600) }
        try await TestHost.with("hostile", of: "hostile", change) { test, _ in
            let outcome = try await test.run("hostile", do: "threads", alone: true)
            #expect(outcome.word == "struck handle.crashed")
            #expect(test.recorder.kills.last?.cause.hasSuffix(" threads, 256 are allowed") == true)
        }
    }

    @Test(.enabled(if: Namespaces.areAllowed)) func underStrictTheKernelRefusesThreads() async throws {
        let change: (inout HandlerOptions) -> Void = { $0.sandbox = .strict }
        try await TestHost.with("hostile", of: "hostile", bounds: IsolationScene.bounds, change) { test, _ in
            // The main thread, the reader and the lane are three of them.
            try await test.expect("hostile", do: "threads", "reject threads-253")
        }
    }

    #if arch(x86_64)
    @Test func anotherArchitecturesCallsAreTheEnd() async throws {
        try await TestHost.with("hostile", of: "hostile") { test, _ in
            let outcome = try await test.run("hostile", do: "int80", alone: true)
            #expect(outcome.word == "struck handle.crashed")
            #expect(test.recorder.ends == ["killed by signal 31 (SIGSYS)"])
        }
        try await TestHost.with("hostile", of: "hostile", { $0.sandbox = .off }) { test, _ in
            try await test.expect("hostile", do: "int80", "done")
        }
    }
    #endif

    // MARK: - deaths in a namespace

    @Test(
        .enabled(if: Namespaces.areAllowed),
        arguments: [
            ("abort", "exited with status 134: it aborted"), ("segv", "killed by signal 11 (SIGSEGV)"),
            ("exit", "exited with status 0"), ("overflow", "killed by signal 11 (SIGSEGV)"),
            ("thread", "exited with status 134: it aborted"),
        ])
    func theFirstProcessOfANamespaceDiesAsAnyOther(_ command: String, _ cause: String) async throws {
        let change: (inout HandlerOptions) -> Void = { $0.sandbox = .strict }
        try await TestHost.with("hostile", of: "hostile", bounds: IsolationScene.bounds, change) { test, _ in
            let outcome = try await test.run("hostile", do: command, alone: true)
            #expect(outcome.word == "struck handle.crashed")
            try await test.expect("hostile", do: "done", "done")
            #expect(test.recorder.ends == [cause])
        }
    }

    @Test(.enabled(if: Namespaces.areAllowed)) func theFirstProcessOfANamespaceIsKilledAtItsDeadline() async throws {
        let change: (inout HandlerOptions) -> Void = {
            $0.sandbox = .strict
            $0.deadline = .milliseconds(500)
        }
        try await TestHost.with("hostile", of: "hostile", bounds: IsolationScene.bounds, change) { test, _ in
            let details = [#"{"do":"done"}"#, #"{"do":"loop"}"#, #"{"do":"done"}"#]
            let words = try await test.run("hostile", details).map(\.word)
            #expect(words == ["done", "suspect", "unanswered"])
        }
    }

    // MARK: - replacement

    @Test func aWorkerThatOutgrewItsMemoryIsReplacedAndNoEventPays() async throws {
        let change: (inout HandlerOptions) -> Void = {
            $0.softMemory = 33_554_432
            $0.deadline = .seconds(600)
        }
        try await TestHost.with("paired", of: "hostile", change) { test, _ in
            // One event is under way all the time: it is finished by the worker that it was given to.
            async let long = test.run("paired", [#"{"do":"late"}"#], fence: 500).map(\.word)
            await test.recorder.first { if case .line(let line) = $0 { line.message == "late: waits" } else { false } }
            try await test.expect("paired", do: "grow", "done")
            let old = await test.recorder.first { if case .replaced = $0 { true } else { false } }
            try await test.expect("paired", do: "done", "done")
            #expect(test.recorder.ends.isEmpty)
            test.host.revoke(Lease(fence: 500))
            let words = try await long
            #expect(words == ["unanswered"])
            let ended = await test.recorder.first { if case .ended(_, restart: nil) = $0 { true } else { false } }
            #expect(ended.process == old.process)
            try await test.expect("paired", do: "done", "done")
            let told = test.recorder.events.compactMap { event -> String? in
                switch event {
                case .ready: "ready"
                case .outgrew: "outgrew"
                case .replaced: "replaced"
                case .ended: "ended"
                case .killed: "killed"
                default: nil
                }
            }
            #expect(told.filter { $0 != "outgrew" } == ["ready", "replaced", "ready", "ended"])
            #expect(told[1] == "outgrew")
        }
    }

    @Test func whereThereIsNoRoomTheWorkerGoesOn() async throws {
        let bounds = WorkerBounds(processes: 1)
        try await TestHost.with("hostile", of: "hostile", bounds: bounds, { $0.softMemory = 33_554_432 }) { test, _ in
            try await test.expect("hostile", do: "grow", "done")
            await test.recorder.first { if case .outgrew = $0 { true } else { false } }
            try await test.expect("hostile", do: "done", "done")
            #expect(test.recorder.ends.isEmpty)
        }
    }

    // MARK: - all together

    @Test(arguments: [
        (WorkerBounds(processes: 2), "workers.processes", "0 workers live, 3 more are over the limit of 2"),
        (
            WorkerBounds(memory: 800_000_000), "workers.memory",
            "workers may use 0 bytes, 805306368 more are over the limit of 800000000"
        ),
    ])
    func whatAllWorkersMayHaveIsHeld(_ bounds: WorkerBounds, _ subject: String, _ cause: String) async throws {
        var options = TestHost.options("hostile", of: "hostile")
        options.workers = 3
        let test = try TestHost(bounds: bounds)
        let refusal = await test.refusal(options)
        #expect(refusal == Failure(.handleWorkerUnavailable, subject, cause))
        options.workers = 2
        try await test.host.start(generation: 3, handlers: [options])
        await test.host.stop(within: .seconds(5))
    }

    @Test func anEventNeverWaitsForABusyWorkerWhileAnotherIsIdle() async throws {
        let change: (inout HandlerOptions) -> Void = {
            $0.workers = 3
            $0.deadline = .seconds(600)
        }
        try await TestHost.with("hostile", of: "hostile", change) { test, _ in
            async let first = test.run("hostile", [#"{"do":"late"}"#], fence: 501).map(\.word)
            async let second = test.run("hostile", [#"{"do":"late"}"#], alone: true, fence: 502).map(\.word)
            // Two of three are busy without end; each of these goes to the third.
            for _ in 0..<20 { try await test.expect("hostile", do: "done", "done") }
            test.host.revoke(Lease(fence: 501))
            test.host.revoke(Lease(fence: 502))
            let words = try await [first, second]
            #expect(words == [["unanswered"], ["unanswered"]])
        }
    }

    // MARK: - what a worker has

    @Test func aWorkersFilesAreItsOwnAndGoWithIt() async throws {
        let test = try TestHost()
        func names() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: test.folder.path)
        }
        try await test.host.start(generation: 1, handlers: [TestHost.options("hostile", of: "hostile")])
        #expect(try names().map { $0.drop { $0 != "." } }.sorted() == [".blame", ".blame.events", ".work"])
        // The worker has one page; what it could map of its file is that page.
        let page = try #require(try names().first { $0.hasSuffix(".blame") })
        let size = try FileManager.default.attributesOfItem(atPath: test.folder.file(page))[.size] as? Int
        #expect(size == 4_096)
        await test.host.stop(within: .seconds(5))
        #expect(try names().isEmpty)
    }
}
