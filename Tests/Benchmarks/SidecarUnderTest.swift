import Cryptography
import Events
import Foundation
import HTTP
import LocalCloud
import Signatures

/// A sidecar in a process of its own, in front of a cloud in this one, and events signed for it.
struct SidecarUnderTest {
    let process: Process
    private let admin: Int
    let log: String
    private static let client = HTTPClient(connections: 2)

    static let products = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path

    /// An empty folder for one benchmark.
    static func folder(_ name: String) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "outrigger-benchmark-\(name)").path
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Starts it, and returns when it is ready.
    /// - Parameters:
    ///   - settings: YAML of `queues`, `handlers` and what else differs from a plain sidecar.
    ///   - cores: those that it shares with its workers, as taskset(1) takes them; `nil` for any.
    ///   - poll: how often it is asked whether it is ready.
    static func start(
        in folder: String, _ cloud: LocalCloud, _ settings: String, cores: String? = nil, admin: Int = 19_464,
        poll: Duration = .milliseconds(100)
    ) async throws -> SidecarUnderTest {
        let yaml = """
            aws: {endpoint: "\(cloud.endpoint)", region: us-east-1}
            key-sets: [{name: bench, url: "\(cloud.endpoint)/keys/jwks-pqc", sources: ["test.*", "qsl.*"]}]
            store: {path: \(folder)/outrigger.db, durability: durable, low-water: 1MiB}
            state-directory: \(folder)/state
            admin: {listen: "127.0.0.1:\(admin)"}
            \(settings)
            """
        try yaml.write(toFile: folder + "/outrigger.yaml", atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        let pinned = cores.map { ["taskset", "-c", $0] } ?? []
        process.arguments = pinned + [products + "/outrigger", "run", folder + "/outrigger.yaml"]
        process.environment = ["AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "PATH": "/usr/bin:/bin"]
        _ = FileManager.default.createFile(atPath: folder + "/log", contents: nil)
        process.standardError = FileHandle(forWritingAtPath: folder + "/log")
        try process.run()
        let sidecar = SidecarUnderTest(process: process, admin: admin, log: folder + "/log")
        try await sidecar.waitUntilReady(poll)
        return sidecar
    }

    /// At once: a stop in good order would wait for its long poll.
    func stop() {
        kill(id, SIGKILL)
        process.waitUntilExit()
    }

    /// Of sidecar and workers.
    var memory: Machine.Memory { Machine.memory(of: [id] + workers) }
    var id: Int32 { process.processIdentifier }
    var workers: [Int32] { Machine.children(of: id) }

    func metrics() async -> String {
        (await get("/metrics")).map { String(decoding: $0.body, as: UTF8.self) } ?? ""
    }

    private func get(_ path: String) async -> HTTPResponse? {
        try? await Self.client.send(HTTPRequest(url: "http://127.0.0.1:\(admin)\(path)", timeout: .seconds(5)))
    }

    private func waitUntilReady(_ poll: Duration) async throws {
        let end = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < end {
            if await get("/readyz")?.status == 200 { return }
            try await Task.sleep(for: poll)
        }
        stop()
        throw Failure(.settingsInvalid, log, "the sidecar does not become ready")
    }

    // MARK: - events

    /// A 600 B detailCore with its number in it, and a token of 4.1 kB: with the envelope 5.3 kB.
    static func details(
        _ numbers: Range<Int>, from source: String = "test.in", signedBy key: PrivateKey
    ) async throws -> [String] {
        let filler = String(repeating: "x", count: 560)
        let now = Instant(unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        return try await withThrowingTaskGroup(of: [(Int, String)].self) { group in
            for lane in 0..<2 {
                group.addTask {
                    try stride(from: numbers.lowerBound + lane, to: numbers.upperBound, by: 2).map { number in
                        let header = TokenHeader(
                            algorithm: .dilithium2, keyID: "", signedAt: now, source: source,
                            detailType: "Payment.Settled.v1", resource: "", id: "bench-\(number)")
                        let core = Bytes("{\"filler\":\"\(filler)\",\"n\":\(number)}".utf8)
                        let detail = try KeyTool.signedDetail(
                            core: core, header: header, with: key, form: .dilithium2(.mldsa44))
                        return (number, String(decoding: detail, as: UTF8.self))
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    static func entry(_ detail: String, source: String = "test.in", bus: String? = nil) -> BusModel.Entry {
        BusModel.Entry(bus: bus, source: source, detailType: "Payment.Settled.v1", detail: detail)
    }
}
