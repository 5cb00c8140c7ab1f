import Cryptography
import Events
import Foundation
import LocalCloud
import Signatures

/// What sidecar and worker have of memory: with nothing to do; with 10,000 events in flight and 100,000 queued, again
/// and again while a slow handler works; with all of it done.
struct MemoryBenchmark {
    private static let inFlight = 10_000
    private static let queued = 100_000
    private static let looks = 10

    static func run() async throws {
        let key = try PrivateKey(SigningKey.generate(), keyID: "bench")
        var options = LocalCloud.Options()
        let document = ArraySlice(KeyTool.publicDocument([key], as: .pqk))
        options.keySet = { document }
        let details = try await SidecarUnderTest.details(0..<(inFlight + queued), signedBy: key)
        try await LocalCloud.serving(options) { cloud in
            for queue in ["bench", "dead"] { try cloud.createQueue(queue, ["VisibilityTimeout": "600"]) }
            try cloud.putRule("bench", pattern: #"{"source":["test.in"]}"#, queue: "bench")
            // A handler of two milliseconds an event: it is never done before the figures are taken.
            let settings = """
                sandbox: available
                queues:
                  - {name: bench, url: "\(cloud.queueURL("bench"))", dead-letter: "\(cloud.queueURL("dead"))",
                     handlers: [neighbour], pollers: 8, in-hand: {messages: \(inFlight)}}
                handlers: [{id: neighbour, plugin: \(SidecarUnderTest.products)/libfixture-stopwatch.so, workers: 4}]
                """
            let sidecar = try await SidecarUnderTest.start(in: try SidecarUnderTest.folder("memory"), cloud, settings)
            defer { sidecar.stop() }
            try await Task.sleep(for: .seconds(2))
            print("\nmemory of sidecar and four workers, PSS (targets: 30 MB idle, 120 MB with 10,000 in flight)")
            print("  \(pad("idle", 36))\(sidecar.memory.text)")
            for first in stride(from: 0, to: details.count, by: 10) {
                try cloud.putEvents(details[first..<min(first + 10, details.count)].map { SidecarUnderTest.entry($0) })
            }
            for _ in 0..<looks {
                try await Task.sleep(for: .seconds(1))
                let hand = await inHand(sidecar)
                let left = cloud.statistics.queue("bench")?.depth ?? 0
                print("  \(pad("\(hand) in flight, \(left) left", 36))\(sidecar.memory.text)")
            }
        }
    }

    private static func inHand(_ sidecar: SidecarUnderTest) async -> Int {
        let line = await sidecar.metrics().split(separator: "\n").first { $0.hasPrefix("outrigger_in_hand_messages{") }
        return line?.split(separator: " ").last.flatMap { Double($0) }.map { Int($0) } ?? 0
    }
}
