import Cryptography
import Events
import Foundation
import JSON
import LocalCloud
import Signatures

/// From the start of the process to ready, with a queue, a key set, a store and a handler in a worker; and what the log
/// says was reached when.
struct StartBenchmark {
    private static let turns = 11

    static func run() async throws {
        let key = try PrivateKey(SigningKey.generate(), keyID: "bench")
        var options = LocalCloud.Options()
        let document = ArraySlice(KeyTool.publicDocument([key], as: .pqk))
        options.keySet = { document }
        try await LocalCloud.serving(options) { cloud in
            try cloud.createQueue("bench")
            try cloud.createQueue("dead")
            let settings = """
                sandbox: available
                queues:
                  - {name: bench, url: "\(cloud.queueURL("bench"))", dead-letter: "\(cloud.queueURL("dead"))",
                     handlers: [counting]}
                handlers: [{id: counting, plugin: \(SidecarUnderTest.products)/libfixture-counting.so}]
                """
            let folder = try SidecarUnderTest.folder("start")
            var times: [Int64] = []
            var steps: [String] = []
            for _ in 0..<turns {
                let (began, clock) = (Date().timeIntervalSince1970 * 1_000, ContinuousClock.now)
                let sidecar = try await SidecarUnderTest.start(
                    in: folder, cloud, settings, poll: .milliseconds(2))
                times.append((ContinuousClock.now - clock).milliseconds)
                steps = Self.steps(of: sidecar.log, since: began)
                sidecar.stop()
            }
            // The first one makes the store.
            let again = times.dropFirst().sorted()
            print("\nstart, process to ready, milliseconds (target 300)")
            print("  first \(times[0]), then \(again[again.count / 2]) (\(again.first ?? 0) to \(again.last ?? 0))")
            print("  the last one, by its log:")
            for step in steps { print("    \(step)") }
        }
    }

    private static func steps(of log: String, since began: Double) -> [String] {
        Machine.text(log).split(separator: "\n").compactMap { line in
            guard let line = try? JSONValue.parse(String(line)), let message = line["message"]?.string,
                let time = line["time"]?.string.flatMap({ Timestamp.parse($0.utf8) })
            else { return nil }
            return "\(pad(String(Int(Double(time.unixMilliseconds) - began)), 6))\(message)"
        }
    }
}
