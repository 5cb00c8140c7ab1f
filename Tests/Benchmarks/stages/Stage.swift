import Foundation
import Glibc
import Synchronization

/// The stages by name: each runs so many events, and tells the meter where its steps begin and end.
///
/// What a stage needs once (files, keys, messages) it makes before its first step, in the same way for any number of
/// events: `run` counts two runs, one longer, and takes the difference. `canned-queue` is none: what `receive` asks.
let stages: [String: @Sendable (Int, Meter) async throws -> Void] = [
    "canned-queue": CannedQueue.run,
    "receive": ReceiveStage.run,
    "verify": VerifyStage.run,
    "pipeline": PipelineStage.run,
    "frame": FrameStage.run,
    "ledger": LedgerStage().run,
    "ledger-busy": LedgerStage(batch: 100).run,
]

/// CPU time of the process, by step.
final class Meter: Sendable {
    private struct Steps {
        var order: [String] = []
        var seconds: [String: Double] = [:]
    }
    private let steps = Mutex(Steps())

    func step<T>(_ name: String, _ work: () async throws -> T) async rethrows -> T {
        let start = Self.seconds
        let value = try await work()
        let took = Self.seconds - start
        steps.withLock { steps in
            if steps.seconds[name] == nil { steps.order.append(name) }
            steps.seconds[name, default: 0] += took
        }
        return value
    }

    func report(events: Int) {
        let steps = steps.withLock { $0 }
        for name in steps.order {
            let each = (steps.seconds[name] ?? 0) * 1e6 / Double(events)
            print(String(format: "%@: %.1f us of CPU an event", name, each))
        }
    }

    /// CPU time of all threads, user and system (POSIX, clock_gettime).
    private static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
