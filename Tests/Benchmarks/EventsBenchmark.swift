import Cryptography
import Events
import Foundation
import HTTP
import LocalCloud
import Signatures

/// The work that a sidecar is for: a 5.3 kB envelope (600 B detailCore, a token of 4.1 kB), ten a receive, every check
/// on, SQLite ledger, a handler in a worker of its own. The queue is in this process, the sidecar in its own.
struct EventsBenchmark {
    let count: Int
    private let folder = FileManager.default.temporaryDirectory.appending(path: "outrigger-benchmark").path

    func run() async throws {
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let key = try PrivateKey(SigningKey.generate(), keyID: "bench")
        var options = LocalCloud.Options()
        let document = ArraySlice(KeyTool.publicDocument([key], as: .pqk))
        options.keySet = { document }
        try await LocalCloud.serving(options) { [self] cloud in
            try cloud.createQueue("bench", ["VisibilityTimeout": "60"])
            try cloud.createQueue("bench-dlq")
            try cloud.putRule("bench", pattern: #"{"source":["test.in"]}"#, queue: "bench")
            let sidecar = try start(cloud)
            defer { sidecar.terminate() }
            let client = HTTPClient(connections: 2)
            defer { client.shutdown() }
            try await waitUntilReady(client)
            let idle = memory(sidecar.processIdentifier)
            let details = try await sign(key)
            try await measure(details, cloud, sidecar.processIdentifier, idle, client)
        }
    }

    private let admin = 19_464

    private func start(_ cloud: LocalCloud) throws -> Process {
        let products = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
        let yaml = """
            aws: {endpoint: "\(cloud.endpoint)", region: us-east-1}
            queues:
              - {name: bench, url: "\(cloud.queueURL("bench"))", dead-letter: "\(cloud.queueURL("bench-dlq"))",
                 handlers: [counting]}
            key-sets: [{name: bench, url: "\(cloud.endpoint)/keys/jwks-pqc", sources: ["test.*"]}]
            store: {path: \(folder)/outrigger.db, durability: durable, low-water: 1MiB}
            state-directory: \(folder)/state
            sandbox: available
            admin: {listen: "127.0.0.1:\(admin)"}
            handlers: [{id: counting, plugin: \(products)/libfixture-counting.so}]
            """
        try yaml.write(toFile: folder + "/outrigger.yaml", atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["taskset", "-c", "1", products + "/outrigger", "run", folder + "/outrigger.yaml"]
        process.environment = ["AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "PATH": "/usr/bin:/bin"]
        _ = FileManager.default.createFile(atPath: folder + "/log", contents: nil)
        process.standardError = FileHandle(forWritingAtPath: folder + "/log")
        try process.run()
        return process
    }

    private func get(_ path: String, _ client: HTTPClient) async -> HTTPResponse? {
        try? await client.send(HTTPRequest(url: "http://127.0.0.1:\(admin)\(path)", timeout: .seconds(5)))
    }

    private func waitUntilReady(_ client: HTTPClient) async throws {
        for _ in 0..<300 {
            if await get("/readyz", client)?.status == 200 { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw Failure(.settingsInvalid, folder + "/log", "the sidecar does not become ready")
    }

    private func sign(_ key: PrivateKey) async throws -> [String] {
        let filler = String(repeating: "x", count: 560)
        return try await withThrowingTaskGroup(of: [String].self) { group in
            for lane in 0..<2 {
                group.addTask {
                    try stride(from: lane, to: count, by: 2).map { number in
                        let header = TokenHeader(
                            algorithm: .dilithium2, keyID: "", signedAt: now, source: "test.in",
                            detailType: "Payment.Settled.v1", resource: "", id: "bench-\(number)")
                        let core = Bytes("{\"filler\":\"\(filler)\",\"n\":\(number)}")
                        return String(
                            decoding: try KeyTool.signedDetail(
                                core: core, header: header, with: key, form: .dilithium2(.mldsa44)), as: UTF8.self)
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private var now: Instant { Instant(unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

    private func measure(
        _ details: [String], _ cloud: LocalCloud, _ process: Int32, _ idle: Int, _ client: HTTPClient
    ) async throws {
        let workers = Machine.children(of: process)
        let before = (Machine.microseconds(of: process), workers.map(Machine.microseconds(of:)).reduce(0, +))
        let start = ContinuousClock.now
        for first in stride(from: 0, to: details.count, by: 10) {
            try cloud.putEvents(
                details[first..<min(first + 10, details.count)].map {
                    BusModel.Entry(source: "test.in", detailType: "Payment.Settled.v1", detail: $0)
                })
        }
        var most = idle
        while cloud.statistics.queue("bench")?.deleted ?? 0 < count {
            most = max(most, memory(process))
            try await Task.sleep(for: .milliseconds(20))
            if ContinuousClock.now - start > .seconds(600) { break }
        }
        let took = ContinuousClock.now - start
        let sidecar = Machine.microseconds(of: process) - before.0
        let worker = workers.map(Machine.microseconds(of:)).reduce(0, +) - before.1
        let seconds = Double(took.milliseconds) / 1000
        print("\nevents: \(count), sidecar and worker on one core, the queue on the other")
        let cost = (sidecar / Double(count), worker / Double(count))
        print(String(format: "  CPU per event     %.1f us sidecar + %.1f us worker (target 80)", cost.0, cost.1))
        print(String(format: "  events per second %.0f", Double(count) / seconds))
        print("  memory (PSS)      \(idle / 1024) MB idle, \(most / 1024) MB at most (targets 30 and 120)")
        if let metrics = await get("/metrics", client) { printStages(String(decoding: metrics.body, as: UTF8.self)) }
    }

    private func memory(_ process: Int32) -> Int {
        ([process] + Machine.children(of: process)).map(Machine.proportionalSetSize(of:)).reduce(0, +)
    }

    /// The stages, from the sidecar's own histograms: time a call, and events a call.
    private func printStages(_ metrics: String) {
        print("  stage     seconds in all   calls")
        for stage in Stage.allCases {
            let label = "stage=\"\(stage.rawValue)\""
            let lines = metrics.split(separator: "\n").filter { $0.contains(label) }
            guard let sum = lines.first(where: { $0.contains("_seconds_sum") })?.split(separator: " ").last,
                let calls = lines.first(where: { $0.contains("_seconds_count") })?.split(separator: " ").last
            else { continue }
            print("  " + pad(stage.rawValue, 10) + pad(String(sum), 17) + calls)
        }
    }
}
