import Cryptography
import Events
import Foundation
import LocalCloud
import Signatures

/// Events a second by cores, queues and workers of their one handler: where it stops growing. With one core the queue
/// is on the other one; with two all share both. Each queue has a bus of its own.
struct ScaleBenchmark {
    private static let count = 8_000
    private static let queues = [1, 4, 16]
    private static let workers = [1, 2, 4, 8]

    static func run() async throws {
        let key = try PrivateKey(SigningKey.generate(), keyID: "bench")
        let document = ArraySlice(KeyTool.publicDocument([key], as: .pqk))
        var details: [Int: [[String]]] = [:]
        for queues in queues {
            let share = count / queues
            for queue in 0..<queues {
                let numbers = queue * share..<(queue + 1) * share
                let signed = try await SidecarUnderTest.details(numbers, signedBy: key)
                details[queues, default: []].append(signed)
            }
        }
        print("\nscale: events a second, and microseconds of CPU an event")
        print("  cores  queues  " + workers.map { pad("\($0) worker\($0 == 1 ? "" : "s")", 18) }.joined())
        for cores in ["1", "0,1"] {
            for queues in queues {
                var row = "  " + pad(cores == "1" ? "1" : "2", 7) + pad("\(queues)", 8)
                for workers in workers {
                    row += pad(try await measure(details[queues] ?? [], document, cores, workers), 18)
                }
                print(row)
            }
        }
    }

    private static func measure(
        _ details: [[String]], _ document: Bytes, _ cores: String, _ workers: Int
    ) async throws -> String {
        var options = LocalCloud.Options()
        options.keySet = { document }
        return try await LocalCloud.serving(options) { cloud in
            try cloud.createQueue("dead")
            let names = details.indices.map { "q\($0)" }
            for name in names {
                try cloud.createQueue(name, ["VisibilityTimeout": "60"])
                try cloud.putRule(name, bus: name, pattern: #"{"source":["test.in"]}"#, queue: name)
            }
            let list = names.map { name in
                "{name: \(name), url: \"\(cloud.queueURL(name))\", dead-letter: \"\(cloud.queueURL("dead"))\", "
                    + "handlers: [counting]}"
            }
            let settings = """
                sandbox: available
                queues: [\(list.joined(separator: ", "))]
                handlers: [{id: counting, plugin: \(SidecarUnderTest.products)/libfixture-counting.so,
                            workers: \(workers)}]
                """
            let folder = try SidecarUnderTest.folder("scale")
            let sidecar = try await SidecarUnderTest.start(in: folder, cloud, settings, cores: cores)
            defer { sidecar.stop() }
            let processes = [sidecar.id] + sidecar.workers
            let before = processes.map(Machine.microseconds(of:)).reduce(0, +)
            let start = ContinuousClock.now
            // By tens, to each queue in turn.
            for first in stride(from: 0, to: details.map(\.count).max() ?? 0, by: 10) {
                for (name, signed) in zip(names, details) where first < signed.count {
                    let ten = signed[first..<min(first + 10, signed.count)]
                    try cloud.putEvents(ten.map { SidecarUnderTest.entry($0, bus: name) })
                }
            }
            func deleted() -> Int { names.reduce(0) { $0 + (cloud.statistics.queue($1)?.deleted ?? 0) } }
            let count = details.reduce(0) { $0 + $1.count }
            while deleted() < count, ContinuousClock.now - start < .seconds(120) {
                try await Task.sleep(for: .milliseconds(10))
            }
            let seconds = Double((ContinuousClock.now - start).milliseconds) / 1_000
            if let letters = cloud.statistics.queue("dead")?.sent, letters > 0 { return "\(letters) letters" }
            let cost = processes.map(Machine.microseconds(of:)).reduce(0, +) - before
            return String(format: "%.0f (%.0f)", Double(count) / seconds, cost / Double(count))
        }
    }
}
