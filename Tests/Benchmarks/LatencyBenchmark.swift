import Cryptography
import Events
import Foundation
import LocalCloud
import Signatures

/// From a message's arrival in the queue to the handler's entry, at a steady rate: alone; beside a neighbour whose
/// queue is never empty; and on a critical route, while the handler's other events take its workers two milliseconds
/// each and never end. Cloud, sidecar and workers share the machine's cores.
struct LatencyBenchmark {
    private enum Neighbour: String {
        case none = ""
        case handler = ", with a neighbour"
        case ordinary = ", critical, beside a flood"
    }

    /// Of the neighbour: more than it can do while it is measured.
    private static let backlog = 40_000
    private let key: PrivateKey

    static func run() async throws {
        let bench = LatencyBenchmark(key: try PrivateKey(SigningKey.generate(), keyID: "bench"))
        print("\nlatency, message available -> handler entered, milliseconds (target at 1000/s: p50 1, p99 5)")
        print("                                           p50       p99     p99.9   entered")
        for (rate, seconds) in [(100, 10), (1_000, 6), (10_000, 2)] {
            try await bench.measure(rate, seconds, beside: .none)
        }
        for neighbour in [Neighbour.handler, .ordinary] {
            for rate in [100, 1_000] { try await bench.measure(rate, 5, beside: neighbour) }
        }
    }

    private func measure(_ rate: Int, _ seconds: Int, beside neighbour: Neighbour) async throws {
        let count = rate * seconds
        let folder = try SidecarUnderTest.folder("latency")
        let entered = folder + "/entered"
        _ = FileManager.default.createFile(atPath: entered, contents: Data(count: count * 8))
        var options = LocalCloud.Options()
        let document = ArraySlice(KeyTool.publicDocument([key], as: .pqk))
        options.keySet = { document }
        let details = try await SidecarUnderTest.details(0..<count, signedBy: key)
        let others = try await SidecarUnderTest.details(
            count..<(count + (neighbour == .none ? 0 : Self.backlog)), from: "test.neighbour", signedBy: key)
        try await LocalCloud.serving(options) { cloud in
            for queue in ["in", "neighbour"] {
                try cloud.createQueue(queue, ["VisibilityTimeout": "60"])
                try cloud.putRule(queue, pattern: "{\"source\":[\"test.\(queue)\"]}", queue: queue)
            }
            for detail in others { try cloud.putEvents([SidecarUnderTest.entry(detail, source: "test.neighbour")]) }
            try cloud.createQueue("dead")
            let sidecar = try await SidecarUnderTest.start(in: folder, cloud, settings(cloud, entered, neighbour))
            defer { sidecar.stop() }
            let put = try await send(details, at: rate, cloud)
            while cloud.statistics.queue("in")?.deleted ?? 0 < count { try await Task.sleep(for: .milliseconds(20)) }
            report(rate, neighbour, put, try Data(contentsOf: URL(filePath: entered)))
        }
    }

    private func settings(_ cloud: LocalCloud, _ entered: String, _ neighbour: Neighbour) -> String {
        let products = SidecarUnderTest.products
        func queue(_ name: String, _ handler: String) -> String {
            "{name: \(name), url: \"\(cloud.queueURL(name))\", dead-letter: \"\(cloud.queueURL("dead"))\", "
                + "handlers: [\(handler)]}"
        }
        var queues = [queue("in", "stopwatch")]
        var stopwatch = "id: stopwatch, plugin: \(products)/libfixture-stopwatch.so, config: {file: \"\(entered)\"}"
        var others: [String] = []
        switch neighbour {
        case .none: break
        case .handler:
            queues.append(queue("neighbour", "neighbour"))
            others = ["{id: neighbour, plugin: \(products)/libfixture-stopwatch.so}"]
        case .ordinary:
            queues.append(queue("neighbour", "stopwatch"))
            stopwatch += ", workers: 2, routes: [{source: test.in, critical: true}, {source: test.neighbour}]"
        }
        let handlers = ["{\(stopwatch)}"] + others
        return """
            sandbox: "off"
            queues: [\(queues.joined(separator: ", "))]
            handlers: [\(handlers.joined(separator: ", "))]
            """
    }

    /// - Returns: when each was put, in nanoseconds of the wall clock.
    private func send(_ details: [String], at rate: Int, _ cloud: LocalCloud) async throws -> [UInt64] {
        let clock = ContinuousClock()
        let start = clock.now
        var put: [UInt64] = []
        put.reserveCapacity(details.count)
        for (number, detail) in details.enumerated() {
            let due = start + .seconds(1) * number / rate
            if due > clock.now { try await clock.sleep(until: due, tolerance: .zero) }
            put.append(Self.now)
            try cloud.putEvents([SidecarUnderTest.entry(detail)])
        }
        return put
    }

    private static var now: UInt64 { UInt64(Date().timeIntervalSince1970 * 1e9) }

    private func report(_ rate: Int, _ neighbour: Neighbour, _ put: [UInt64], _ entered: Data) {
        let times = entered.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
        let waits = zip(put, times).filter { $0.1 > 0 }.map { Double(Int64($0.1) - Int64($0.0)) / 1e6 }.sorted()
        func quantile(_ share: Double) -> String {
            waits.isEmpty ? "-" : String(format: "%.2f", waits[min(Int(Double(waits.count) * share), waits.count - 1)])
        }
        func column(_ text: String) -> String { String(repeating: " ", count: max(0, 10 - text.count)) + text }
        let name = "  \(rate)/s" + neighbour.rawValue
        let head = name.padding(toLength: 36, withPad: " ", startingAt: 0)
        let columns = [quantile(0.5), quantile(0.99), quantile(0.999), "\(waits.count)"].map(column)
        print(head + columns.joined())
    }
}
