import Events
import Foundation
import Pipeline
import Synchronization

/// The wall clock of the machine, as somebody has set it: for what is compared with the clocks of others, signatures
/// above all.
struct SystemClock: WallClock {
    var now: Instant { Instant(unixMilliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down))) }
}

/// The clock that everything here works by: it follows the machine's without a jump. It goes on while the machine
/// sleeps.
final class SteadyClock: WallClock {
    private let start = ContinuousClock.now
    private let time = Mutex(SteadyTime(wall: SteadyClock.wall, elapsed: 0))

    private static var wall: Int64 { Int64(Date().timeIntervalSince1970 * 1e9) }

    var now: Instant {
        time.withLock { time in
            let (seconds, attoseconds) = (ContinuousClock.now - start).components
            let read = time.read(wall: Self.wall, elapsed: seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
            return Instant(unixMilliseconds: read / 1_000_000)
        }
    }
}
