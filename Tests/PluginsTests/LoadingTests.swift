import Cryptography
import Events
import Foundation
import Pipeline
@testable import Plugins
import Support
import Testing

/// Plugins that do not fit, and files that change.
@Suite struct LoadingTests {
    @Test(arguments: [
        ("plugin-size", "eh_plugin.size: expected 48 or somewhat more, found 3735928559"),
        ("null-name", "eh_plugin.name: expected a pointer, found NULL"),
        ("no-handlers", "eh_plugin.handler_count: expected 1 to 64, found 0"),
        ("many-handlers", "eh_plugin.handler_count: expected 1 to 64, found 65"),
        ("null-handlers", "eh_plugin.handlers: expected a pointer, found NULL"),
        ("null-handler", "eh_plugin.handlers[i]: expected a pointer, found NULL"),
        ("twice", "eh_handler.id: expected each once, found \"mistaken\" twice"),
        ("handler-size", "eh_handler.size: expected 104 or somewhat more, found 12"),
        ("id", "eh_handler.id: expected [a-z0-9-]{1,48}, found \"Not An Id\""),
        ("no-routes", "eh_handler.route_count: expected 1 to 256, found 0"),
        ("many-routes", "eh_handler.route_count: expected 1 to 256, found 100000"),
        ("null-routes", "eh_handler.routes: expected a pointer, found NULL"),
        ("null-source", "eh_route.source: expected a pointer, found NULL"),
        ("control", "eh_route.detail_type: expected UTF-8 without control characters"),
        ("not-utf8", "eh_route.detail_type: expected UTF-8 without control characters"),
        ("long-source", "eh_route.source: expected 1 to 512 bytes, found more"),
        ("null-create", "eh_handler.create: expected a function, found NULL"),
        ("null-handle", "eh_handler.handle: expected a function, found NULL"),
        ("null-destroy", "eh_handler.destroy: expected a function, found NULL"),
        ("threading", "eh_handler.threading: expected EH_SERIAL or EH_CONCURRENT, found 7"),
        ("schema", "eh_handler.config_schema: expected at most 64 KiB, found more"),
        ("service", "eh_handler.services: this host does not have \"eh.telepathy/1\""),
        ("template", "a { without its }: position:{/currency"),
        ("pointer", "no JSON Pointer: no-slash"),
    ])
    func aMistakeIsNamedWithWhatWasExpected(_ mistake: String, _ cause: String) async throws {
        var options = TestHost.options("mistaken", of: "mistaken")
        options.environment = ["MISTAKE": mistake]
        let failure = try await TestHost().refusal(options)
        #expect(failure?.code == .pluginMismatch)
        #expect(failure?.cause == cause)
    }

    @Test func withoutItsMistakeThePluginLoads() async throws {
        try await TestHost.with("mistaken", of: "mistaken") { _, profile in #expect(profile.id.text == "mistaken") }
    }

    @Test(arguments: [
        ("foreign", FailureCode.pluginMismatch, "major version of event_handler.h: expected 1, found 2"),
        ("mistaken null", .pluginNoEntry, "eh_plugin_entry_v1 returned NULL"),
    ])
    func anEntryThatIsNoneIsRefused(_ what: String, _ code: FailureCode, _ cause: String) async throws {
        let words = what.split(separator: " ").map(String.init)
        var options = TestHost.options("any", of: words[0])
        options.environment = ["MISTAKE": words.last ?? ""]
        #expect(try await TestHost().refusal(options) == Failure(code, options.plugin, cause))
    }

    @Test(arguments: Isolation.allCases)
    func aLibraryWithoutTheSymbolIsNoPlugin(_ isolation: Isolation) async throws {
        let places = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6", "/lib64/libm.so.6"]
        let library = try #require(places.first { FileManager.default.fileExists(atPath: $0) })
        let options = HandlerOptions(id: HandlerID("any"), plugin: library, isolation: isolation)
        let failure = try await TestHost().refusal(options)
        #expect(failure == Failure(.pluginNoEntry, library, "no symbol eh_plugin_entry_v1"))
    }

    @Test(arguments: Isolation.allCases)
    func aTextFileIsNoPlugin(_ isolation: Isolation) async throws {
        let test = try TestHost()
        let path = test.folder.file("plugin.so")
        try Data("no library".utf8).write(to: URL(filePath: path))
        let failure = await test.refusal(HandlerOptions(id: HandlerID("any"), plugin: path, isolation: isolation))
        #expect(failure?.code == .pluginNotLoadable && failure?.subject == path)
    }

    @Test(arguments: ["/nowhere/plugin.so", "/dev/null", "/"])
    func whatIsNoReadableFileIsRefused(_ path: String) async throws {
        let failure = try await TestHost().refusal(HandlerOptions(id: HandlerID("any"), plugin: path))
        #expect(failure?.code == .pluginUnreadable && failure?.subject == path)
    }

    @Test func aWildPointerKillsOnlyTheWorker() async throws {
        var options = TestHost.options("mistaken", of: "mistaken")
        options.environment = ["MISTAKE": "wild-pointer"]
        let failure = try await TestHost().refusal(options)
        #expect(failure?.code == .pluginNotLoadable)
        #expect(failure?.cause == "the worker died while it loaded the plugin: killed by signal 11 (SIGSEGV)")
    }

    @Test func aConstructorThatAbortsIsReported() async throws {
        var options = TestHost.options("hostile", of: "hostile")
        options.environment = ["HOSTILE_LOAD": "abort"]
        #expect(try await TestHost().refusal(options)?.code == .pluginNotLoadable)
    }

    @Test func aConstructorThatHangsIsKilled() async throws {
        var options = TestHost.options("hostile", of: "hostile")
        options.environment = ["HOSTILE_LOAD": "hang"]
        options.createDeadline = .milliseconds(300)
        #expect(try await TestHost().refusal(options)?.code == .pluginNotReady)
    }

    @Test(arguments: Isolation.allCases)
    func aHandlerThatThePluginLacksIsNamed(_ isolation: Isolation) async throws {
        var options = TestHost.options("other", of: "obedient")
        options.isolation = isolation
        let failure = try await TestHost().refusal(options)
        #expect(failure?.code == .pluginMismatch)
        #expect(failure?.cause == "no handler other in it, but obedient, batching, keyed")
    }

    @Test func aWorkerProgramThatIsMissingIsReported() async throws {
        let test = try TestHost(program: "/nowhere/outrigger-worker")
        let failure = await test.refusal(TestHost.options("obedient", of: "obedient"))
        #expect(failure?.code == .handleWorkerUnavailable)
        #expect(failure?.cause == "/nowhere/outrigger-worker: No such file or directory")
    }

    // MARK: - pins and copies

    @Test func thePinDecides() async throws {
        let path = TestHost.plugin("obedient")
        let digest = Hash.sha256([UInt8](try Data(contentsOf: URL(filePath: path))))
        #expect(try PluginFile.load(path, pin: digest).digest == digest)
        let other = Hash.sha256(Bytes("other"))
        #expect(throws: Failure(.pluginPin, path, "pinned \(other.hexadecimal), found \(digest.hexadecimal)")) {
            try PluginFile.load(path, pin: other)
        }
    }

    @Test func whatIsWrittenOverTheFileAfterwardsHasNoEffect() async throws {
        let test = try TestHost()
        let path = test.folder.file("plugin.so")
        try FileManager.default.copyItem(atPath: TestHost.plugin("hostile"), toPath: path)
        var options = TestHost.options("hostile", of: "hostile")
        options.plugin = path
        try await test.host.start(generation: 1, handlers: [options])
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.write(contentsOf: Data(repeating: 0xff, count: 65_536))
        try file.close()
        try await test.expect("hostile", do: "done", "done")
        // A worker that is started later has the same copy.
        try await test.expect("hostile", do: "abort", "suspect")
        try await test.expect("hostile", do: "done", "done")
        await test.host.stop(within: .seconds(5))
    }

    // MARK: - create

    @Test(arguments: Isolation.allCases)
    func aConfigurationThatCannotWorkIsRefusedWithItsReason(_ isolation: Isolation) async throws {
        var options = TestHost.options("obedient", of: "obedient")
        options.isolation = isolation
        options.configuration = Bytes(#"{"create":"invalid"}"#)
        let failure = try await TestHost().refusal(options)
        #expect(failure == Failure(.pluginRefused, "obedient", "config.no-currency: currency is missing"))
    }

    @Test(arguments: Isolation.allCases)
    func aHandlerThatIsNotReadyIsAskedAgain(_ isolation: Isolation) async throws {
        try await TestHost.with(
            "obedient", of: "obedient", in: isolation, { $0.configuration = Bytes(#"{"create":"second"}"#) }
        ) { test, _ in
            #expect(
                test.recorder.events.contains {
                    if case .notReady(Reason(code: "warming-up", detail: "ask again")) = $0 { true } else { false }
                })
            try await test.expect("obedient", do: "done", "done")
        }
    }

    @Test(arguments: Isolation.allCases)
    func patienceEnds(_ isolation: Isolation) async throws {
        var options = TestHost.options("obedient", of: "obedient")
        options.isolation = isolation
        options.configuration = Bytes(#"{"create":"never"}"#)
        options.patience = .milliseconds(200)
        #expect(try await TestHost().refusal(options)?.code == .pluginNotReady)
    }

    @Test func aCreateThatHangsOrCrashesIsReported() async throws {
        var options = TestHost.options("obedient", of: "obedient")
        options.createDeadline = .milliseconds(300)
        options.configuration = Bytes(#"{"create":"hang"}"#)
        #expect(try await TestHost().refusal(options)?.code == .pluginNotReady)
        options.createDeadline = .seconds(10)
        options.configuration = Bytes(#"{"create":"abort"}"#)
        #expect(
            try await TestHost().refusal(options)?.cause == "the worker died in create: killed by signal 6 (SIGABRT)")
    }

    // MARK: - routes and keys

    @Test func routesAreNarrowedAndNeverWidened() async throws {
        var options = TestHost.options("obedient", of: "obedient")
        options.routes = [RoutePattern(source: "test.in", detailType: "Thing.Asked.v1")]
        let test = try TestHost()
        let profile = try await test.host.start(generation: 1, handlers: [options])[0]
        #expect(
            profile.routes == [
                .init(source: "test.in", detailType: "Thing.Asked.v1", handler: HandlerID("obedient"))
            ])
        options.routes = [RoutePattern(source: "*", detailType: "Thing.Asked.v1")]
        #expect(await test.refusal(options)?.code == .pluginMismatch)
        // The generation that served still does.
        try await test.expect("obedient", do: "done", "done")
        await test.host.stop(within: .seconds(5))
    }

    @Test func theBusinessKeyIsWhatIsFoundInThePayload() async throws {
        try await TestHost.generation("keyed", of: "obedient") { generation in
            func key(_ detail: String) -> Result<Digest?, Failure> {
                generation.businessKey(of: TestHost.event("e", detail), for: HandlerID("keyed"))
            }
            let first = try key(#"{"order":{"id":"O-1"},"line":1,"note":"a"}"#).get()
            #expect(first != nil)
            #expect(try key(#"{"line":1.0,"order":{"id":"O-1"}}"#).get() == first)
            #expect(try key(#"{"order":{"id":"O-1"},"line":2}"#).get() != first)
            #expect(try key(#"{"order":{"id":"O-"},"line":11}"#).get() != first)
            #expect(throws: Failure(.dedupKeyMissing, "e", "nothing at /line")) {
                try key(#"{"order":{"id":"O-1"}}"#).get()
            }
            let other = generation.businessKey(of: TestHost.event("e", "{}"), for: HandlerID("unknown"))
            #expect(try other.get() == nil)
        }
    }
}
