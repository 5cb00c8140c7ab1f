import Events
import Foundation
import LocalCloud
import Signatures
import Support
import Testing

/// What operators and plugins do wrong, at the start and while the sidecar runs: the last good generation stays, and
/// the operator reads why.
@Suite(.serialized, .timeLimit(.minutes(5))) struct BadInputTests {
    /// A second handler in the queue of the first.
    private static func adding(_ ids: [String], _ handler: String) -> @Sendable (String) -> String {
        { yaml in
            yaml.replacing("handlers: [counting]", with: "handlers: [counting, \(ids.joined(separator: ", "))]")
                + handler.replacing("PRODUCTS", with: Fixtures.products) + "\n"
        }
    }

    /// Refused at a reload, with these words in the log; what served goes on, and so does the next good change.
    private func refused(
        _ code: String, _ words: String, _ change: @Sendable @escaping (ReloadHouse) throws -> Void
    ) async throws {
        try await ReloadHouse.inLocalCloud { house in
            let sidecar = try await house.start()
            try change(house)
            #expect(await sidecar.refuses(code), "\(sidecar.lines.suffix(3000))")
            #expect(sidecar.lines.contains(words), "\(sidecar.lines.suffix(3000))")
            #expect(await sidecar.get("/readyz")?.status == 200)
            #expect(await sidecar.metric("outrigger_generation") == 1)
            #expect(try await house.works(0))
            for handler in ReloadHouse.handlers {
                try? FileManager.default.removeItem(atPath: house.file(handler + ".so"))
                try house.install(handler, 7)
            }
            try house.configure()
            #expect(await eventually { await sidecar.metric("outrigger_generation") >= 2 })
            #expect(try await house.works(1))
            #expect(sidecar.stop() == 0)
        }
    }

    /// Refused at the start: the process ends, and says why.
    private func refusedAtStart(_ words: String, _ handler: String) async throws {
        try await ReloadHouse.inLocalCloud { house in
            for handler in ReloadHouse.handlers { try house.install(handler, 0) }
            let path = try house.configure(Self.adding(["obedient"], handler))
            let sidecar = try house.house.start(path)
            #expect(await eventually { sidecar.lines.contains(words) }, "\(sidecar.lines.suffix(3000))")
            #expect(await sidecar.get("/readyz")?.status != 200)
        }
    }

    // MARK: - configuration

    @Test func routesInConflictAreRefusedAtAReload() async throws {
        let two = """
              - {id: obedient, plugin: PRODUCTS/libfixture-obedient.so}
              - {id: batching, plugin: PRODUCTS/libfixture-obedient.so}
            """
        try await refused("route.conflict", "batching") { house in
            try house.configure(Self.adding(["obedient", "batching"], two))
        }
    }

    @Test func aKeySetThatIsNoneIsRefusedAndAnotherIsTakenWhileEventsFlow() async throws {
        try await ReloadHouse.inLocalCloud { house in
            let sidecar = try await house.start()
            let document = String(decoding: house.house.keySet, as: UTF8.self)
            let broken = try TestServer { _ in .json(#"{"keys":[{"kty":"PQK"}]}"#) }
            let good = try TestServer { _ in .json(document) }
            let url = house.cloud.endpoint + "/keys/jwks-pqc"
            try house.configure { $0.replacing(url, with: broken.url + "/keys") }
            #expect(await sidecar.refuses("keys.refused"), "\(sidecar.lines.suffix(3000))")
            #expect(try await house.works(0), "the keys that were there")
            let load = Load(house, perSecond: 50)
            async let sending: Void = load.run()
            try house.configure { $0.replacing(url, with: good.url + "/keys") }
            #expect(await sidecar.serves(2))
            #expect(!good.requests.isEmpty)
            load.stop()
            try await sending
            #expect(await eventually { ReloadHouse.handlers.allSatisfy { house.cloud.isEmpty($0) } })
            for handler in ReloadHouse.handlers { #expect(house.cloud.peek(handler + "-dlq").isEmpty) }
            #expect(sidecar.stop() == 0)
        }
    }

    // MARK: - plugins

    /// Not even root reads this file; another's is told from it by nobody.
    @Test func aLibraryWithoutPermissionIsRefused() async throws {
        try await refused("plugin.unreadable", "Permission denied") { house in
            let path = house.file("counting.so")
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createSymbolicLink(
                atPath: path, withDestinationPath: "/proc/sys/vm/drop_caches")
        }
    }

    @Test func aLibraryForAnotherMachineIsRefused() async throws {
        let folder = try TemporaryFolder()
        let machine = ["x86_64", "amd64"].contains(try Shell.run("uname -m").output.trimmed) ? "aarch64" : "x86_64"
        try Data("int eh_plugin_entry_v1(void) { return 0; }".utf8).write(to: URL(filePath: folder.file("other.c")))
        let built = try Shell.run(
            "cd \(folder.path) && clang --target=\(machine)-linux-gnu -nostdlib -shared -fPIC -fuse-ld=lld other.c "
                + "-o other.so")
        try #require(built.status == 0, "\(built.output)")
        try await refused("plugin.not-loadable", "cannot open shared object file") { house in
            let library = try Data(contentsOf: URL(filePath: folder.file("other.so")))
            try library.write(to: URL(filePath: house.file("counting.so")), options: .atomic)
        }
    }

    private static let crashing = "  - {id: obedient, plugin: PRODUCTS/libfixture-obedient.so, config: {create: abort}}"

    @Test func aCreateThatCrashesIsRefusedAtAReload() async throws {
        try await refused("plugin.not-loadable", "the worker died in create: killed by signal 6 (SIGABRT)") { house in
            try house.configure(Self.adding(["obedient"], Self.crashing))
        }
    }

    @Test func aCreateThatCrashesIsToldAtTheStart() async throws {
        try await refusedAtStart("the worker died in create: killed by signal 6 (SIGABRT)", Self.crashing)
    }

    @Test func aSchemaThatDoesNotParseIsRefusedAtAReload() async throws {
        let ruled = """
              - {id: ruled, plugin: PRODUCTS/libfixture-ruled.so, config: {currency: EUR}, \
            environment: {SCHEMA: "{"}}
            """
        try await refused("plugin.schema-invalid", "ends too early at byte 1") { house in
            try house.configure(Self.adding(["ruled"], ruled))
        }
    }
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
