import Events
import Glibc
import HTTP
import Pipeline
import Support
import Synchronization

@testable import AWS

/// The machine's clock.
struct SystemClock: WallClock {
    var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(unixMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

/// A clock that stands where the test puts it.
final class FixedClock: WallClock {
    private let time: Mutex<Instant>
    init(_ now: Instant) { time = Mutex(now) }
    var now: Instant { time.withLock { $0 } }
    func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }
}

extension Instant {
    /// 2026-01-01T00:00:00Z
    static let newYear = Instant(unixSeconds: 1_767_225_600)
}

/// Keys that any stand-in takes; everything else comes from `more`.
func environment(_ more: [String: String] = [:]) -> [String: String] {
    MotoServer.environment.merging(more) { $1 }
}

extension AWSSession {
    /// All services at one address.
    static func at(_ url: String, clock: any WallClock = SystemClock()) -> AWSSession {
        AWSSession(
            AWSOptions(environment: environment(["AWS_ENDPOINT_URL": url])), http: HTTPClient(), clock: clock)
    }

    static func moto() throws -> AWSSession { .at(try MotoServer.shared().endpoint) }
}

/// Counts from 1.
final class Counter: Sendable {
    private let count = Mutex(0)
    func next() -> Int {
        count.withLock {
            $0 += 1
            return $0
        }
    }
}
