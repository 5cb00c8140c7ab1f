import Events
import Foundation
@testable import Plugins
import Support
import Testing

/// Every way out of a worker that we know of, tried from a constructor, from create and from handle, under each mode;
/// SANDBOX.md is the table of what came of it.
@Suite(.serialized) struct IsolationTests {
    /// So that nothing below is vacuous: what is to be shut is open here.
    @Test func withoutTheSandboxEscapesWork() async throws {
        let report = try await try_(.off) { $0.off.mine }
        #expect(report.parts.filter(\.value).keys.sorted() == ["limits", "no-new-privileges", "not-dumpable"])
    }

    @Test(arguments: [HandlerOptions.Sandbox.required, .available])
    func withTheSandboxEscapesFail(_ mode: HandlerOptions.Sandbox) async throws {
        let report = try await try_(mode) { $0.required.mine }
        #expect(report.isComplete && report.landlock >= 6 && !report.namespaces && !report.ownUser)
    }

    @Test(.enabled(if: Namespaces.areAllowed)) func inANamespaceThereIsNothingToFind() async throws {
        let report = try await try_(.strict) { $0.strict.mine }
        #expect(report.isComplete && report.namespaces)
        #expect(report.ownUser == (getuid() == 0))
    }

    /// The counterpart of the test above: one of the two runs.
    @Test(.enabled(if: !Namespaces.areAllowed)) func whereNamespacesAreForbiddenStrictRefuses() async throws {
        var options = TestHost.options("hostile", of: "hostile")
        options.sandbox = .strict
        let test = try TestHost(bounds: IsolationScene.bounds)
        let failure = try #require(await test.refusal(options))
        #expect(failure.code == .pluginSandbox)
        #expect(failure.cause.contains("in Kubernetes give the sidecar's container"))
    }

    private func try_(
        _ mode: HandlerOptions.Sandbox, _ expected: (Escape) -> Attempt
    ) async throws -> SandboxReport {
        try ProcessHardening.apply()
        let scene = try IsolationScene()
        let (report, found) = try await scene.attack(mode)
        let escapes = Escape.chapters.flatMap(\.escapes)
        #expect(escapes.count >= 100)
        for place in IsolationScene.places {
            let results = try #require(found[place])
            #expect(Set(results.keys) == Set(escapes.map(\.name)))
            for escape in escapes {
                let result = results[escape.name].map { Attempt($0) }
                let isAsExpected = expected(escape) == .varies || result == expected(escape)
                #expect(isAsExpected, "\(escape.name) from \(place) under \(mode): \(String(describing: result))")
            }
        }
        // Unlinked last, and only where nothing is shut.
        #expect(scene.tokens == (mode == .off ? [] : IsolationScene.places))
        return report
    }

    @Test func theTableIsWhatTheTestsAssert() throws {
        #expect(try Snapshot.difference(of: SandboxPage.text, from: "Runtime/SANDBOX.md") == nil)
    }

    // MARK: - users

    @Test(.enabled(if: getuid() == 0)) func rootNeedsUsersToGive() async throws {
        var options = TestHost.options("hostile", of: "hostile")
        options.sandbox = .strict
        let test = try TestHost()
        let failure = try #require(await test.refusal(options))
        #expect(failure.code == .pluginSandbox && failure.cause.contains("set `users` to a range of uids"))
    }

    @Test(.enabled(if: getuid() != 0)) func anOrdinaryUserHasNoUsersToGive() async throws {
        var options = TestHost.options("hostile", of: "hostile")
        options.sandbox = .strict
        let test = try TestHost(bounds: WorkerBounds(users: 61_184...61_247))
        let failure = try #require(await test.refusal(options))
        #expect(failure.code == .pluginSandbox)
        #expect(failure.cause.hasPrefix("uid 61184: Operation not permitted; in Kubernetes give"))
    }

    @Test func eachHandlerHasOneUserInAllItsGenerations() throws {
        let bounds = WorkerBounds(users: 100...101)
        var a = TestHost.options("a", of: "hostile")
        a.sandbox = .strict
        var b = a
        b.id = HandlerID("b")
        #expect(try bounds.user(of: a, living: [:]) == 100)
        #expect(try bounds.user(of: b, living: [a.id: 100]) == 101)
        #expect(try bounds.user(of: a, living: [a.id: 101]) == 101)
        #expect(throws: Failure(.pluginSandbox, "a", "each of the 2 `users` has a handler already")) {
            try bounds.user(of: a, living: [b.id: 100, HandlerID("c"): 101])
        }
        a.sandbox = .required
        #expect(try bounds.user(of: a, living: [:]) == 0)
    }

    // MARK: - what is readable

    @Test func readablePathsAreReadAndMissingOnesRefused() async throws {
        for mode in [HandlerOptions.Sandbox.required] + (Namespaces.areAllowed ? [.strict] : []) {
            let scene = try IsolationScene()
            // Under strict the handler may be of another user: what is to be read must be so for everybody.
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o644], ofItemAtPath: scene.folder.file("handle/token"))
            var options = TestHost.options("hostile", of: "hostile")
            options.sandbox = mode
            options.environment = scene.environment
            options.readable = [scene.folder.file("handle")]
            let test = try TestHost(bounds: IsolationScene.bounds)
            try await test.host.start(generation: 1, handlers: [options])
            let writes = try #require(try await test.run("hostile", do: "attack").effects?.writes)
            let lines = try #require(writes.first { $0.key == Bytes("handle") }?.value).text.split(separator: "\n")
            #expect(lines.contains("read-token 0"))
            // Of another user it is refused before anybody sees that the mount is read-only.
            #expect(lines.contains(mode == .strict && getuid() != 0 ? "write-token 30" : "write-token 13"))
            options.readable = ["/nowhere"]
            let failure = await test.refusal(options)
            #expect(failure?.code == .pluginSandbox && failure?.cause.contains("/nowhere") == true)
            await test.host.stop(within: .seconds(5))
        }
    }
}

/// Whether this machine lets us make what `strict` needs.
enum Namespaces {
    static let areAllowed: Bool = {
        let made = try? Shell.run("unshare --user --map-current-user --pid --net --ipc --uts --mount --fork true")
        return made?.status == 0
    }()
}
