import Cryptography
import Events
import Foundation
import LocalCloud
import Signatures

/// The work that a sidecar is for: a 5.3 kB envelope (600 B detailCore, a token of 4.1 kB), ten a receive, every check
/// on, SQLite ledger, a handler in a worker of its own. The queue is in this process, the sidecar in its own.
struct EventsBenchmark {
    let count: Int
    /// In the sidecar, not in a worker of its own.
    var isInline = false

    func run() async throws {
        let key = try PrivateKey(SigningKey.generate(), keyID: "bench")
        var options = LocalCloud.Options()
        let document = ArraySlice(KeyTool.publicDocument([key], as: .pqk))
        let details = try await SidecarUnderTest.details(0..<count, signedBy: key)
        options.keySet = { document }
        try await LocalCloud.serving(options) { cloud in
            try cloud.createQueue("bench", ["VisibilityTimeout": "60"])
            try cloud.createQueue("bench-dlq")
            try cloud.putRule("bench", pattern: #"{"source":["test.in"]}"#, queue: "bench")
            let plugin = SidecarUnderTest.products + "/libfixture-counting.so"
            let pin = Hash.sha256([UInt8](try Data(contentsOf: URL(filePath: plugin)))).hexadecimal
            let isolation = isInline ? ", isolation: inline, trusted: true, sha256: \(pin)" : ""
            let settings = """
                sandbox: available
                queues:
                  - {name: bench, url: "\(cloud.queueURL("bench"))", dead-letter: "\(cloud.queueURL("bench-dlq"))",
                     handlers: [counting]}
                handlers: [{id: counting, plugin: \(plugin)\(isolation)}]
                """
            let folder = try SidecarUnderTest.folder("events")
            let sidecar = try await SidecarUnderTest.start(in: folder, cloud, settings, cores: "1")
            defer { sidecar.stop() }
            let idle = sidecar.memory.whole
            try await measure(details, cloud, sidecar, idle)
        }
    }

    private func measure(
        _ details: [String], _ cloud: LocalCloud, _ sidecar: SidecarUnderTest, _ idle: Int
    ) async throws {
        let workers = sidecar.workers
        let before = (Machine.microseconds(of: sidecar.id), workers.map(Machine.microseconds(of:)).reduce(0, +))
        let start = ContinuousClock.now
        for first in stride(from: 0, to: details.count, by: 10) {
            try cloud.putEvents(details[first..<min(first + 10, count)].map { SidecarUnderTest.entry($0) })
        }
        var most = idle
        while cloud.statistics.queue("bench")?.deleted ?? 0 < count {
            most = max(most, sidecar.memory.whole)
            try await Task.sleep(for: .milliseconds(20))
            if ContinuousClock.now - start > .seconds(600) { break }
        }
        let took = ContinuousClock.now - start
        let own = Machine.microseconds(of: sidecar.id) - before.0
        let worker = workers.map(Machine.microseconds(of:)).reduce(0, +) - before.1
        let seconds = Double(took.milliseconds) / 1000
        let what = isInline ? "sidecar with the handler inline" : "sidecar and worker"
        print("\nevents: \(count), \(what) on one core, the queue on the other")
        let cost = (own / Double(count), worker / Double(count))
        print(String(format: "  CPU per event     %.1f us sidecar + %.1f us worker (target 80)", cost.0, cost.1))
        print(String(format: "  events per second %.0f", Double(count) / seconds))
        print("  memory (PSS)      \(idle / 1024) MB idle, \(most / 1024) MB at most (targets 30 and 120)")
        printStages(await sidecar.metrics())
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
