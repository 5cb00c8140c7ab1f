@_spi(Verification) import Events
import Cryptography
import Foundation
import Pipeline
import Plugins

/// Handle: a frame of ten to a worker, its answers back. The worker is threads of this process behind the same socket
/// and the same frames, so its part is counted, too, and Valgrind follows.
enum FrameStage {
    static func run(_ count: Int, _ meter: Meter) async throws {
        let products = ProcessInfo.processInfo.environment["OUTRIGGER_PRODUCTS"] ?? "."
        let folder = FileManager.default.temporaryDirectory.appending(path: "outrigger-stage-frame-\(getpid())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let host = PluginHost(
            program: products + "/outrigger-worker", directory: folder, state: NoState(), clock: StandingClock(),
            observer: NoWorkerObserver())
        let handler = HandlerID("counting")
        var options = HandlerOptions(id: handler, plugin: products + "/libfixture-counting.so")
        options.isolation = .inline
        options.pin = Hash.sha256([UInt8](try Data(contentsOf: URL(filePath: options.plugin))))
        _ = try await host.build(1, handlers: [options])
        let batch = Batch(handler: handler, assignments: (0..<10).map(assignment), isAlone: false)
        for _ in 0..<count / 10 {
            let outcomes = try await meter.step("frame") { try await host.run(batch) }
            precondition(outcomes.allSatisfy { if case .done = $0 { true } else { false } })
        }
        await host.stop(within: .seconds(1))
    }

    private static func assignment(_ number: Int) -> Assignment {
        let detail = Bytes("{\"filler\":\"\(String(repeating: "x", count: 560))\",\"n\":\(number)}")
        let event = Event(
            id: EventID(issuer: "bench", text: "bench-\(number)"), tokenDigest: nil, payloadDigest: Hash.sha256(detail),
            source: "test.in", detailType: "Payment.Settled.v1", resource: "", detail: detail, keyID: "bench",
            signedAt: Messages.now, isBound: true, trace: Event.Trace(correlationID: "c-1"))
        return Assignment(
            event: event, lease: Lease(fence: UInt64(number + 1)), attempt: 1, deliveries: 1, group: nil,
            sentAt: Messages.now)
    }

    private struct NoState: HandlerState {
        func read(_ keys: [Bytes], of handler: HandlerID, at now: Instant) async throws(Failure) -> [StateValue] {
            keys.map { StateValue(key: $0, value: [], version: 0) }
        }
    }

    private struct NoWorkerObserver: WorkerObserver {
        func note(_ event: WorkerEvent, of worker: WorkerName) {}
        func note(_ event: TrialEvent, of handler: HandlerID) {}
    }
}
