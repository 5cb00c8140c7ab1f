import Events
import Glibc
import Pipeline
import Synchronization

/// The wall clock of the machine, as somebody has set it: for what is compared with the clocks of others, signatures
/// above all.
struct SystemClock: WallClock {
    var now: Instant { Instant(unixMilliseconds: nanoseconds(of: CLOCK_REALTIME) / 1_000_000) }
}

/// The clock that everything here works by: it follows the machine's without a jump. It goes on while the machine
/// sleeps.
final class SteadyClock: WallClock {
    private let time = Mutex(
        SteadyTime(wall: nanoseconds(of: CLOCK_REALTIME), elapsed: nanoseconds(of: CLOCK_BOOTTIME)))

    var now: Instant {
        time.withLock { time in
            let read = time.read(wall: nanoseconds(of: CLOCK_REALTIME), elapsed: nanoseconds(of: CLOCK_BOOTTIME))
            return Instant(unixMilliseconds: read / 1_000_000)
        }
    }
}

/// Every step and every line asks: this takes tens of nanoseconds, where Foundation's dates take hundreds.
private func nanoseconds(of clock: clockid_t) -> Int64 {
    // Two words of 64 bits. Where NIO is linked, too, the compiler holds their names to be NIO's.
    withUnsafeTemporaryAllocation(of: timespec.self, capacity: 1) { time in
        guard let first = time.baseAddress, clock_gettime(clock, first) == 0 else { return 0 }
        let words = UnsafeRawBufferPointer(time)
        return words.load(as: Int64.self) * 1_000_000_000 + words.load(fromByteOffset: 8, as: Int64.self)
    }
}
