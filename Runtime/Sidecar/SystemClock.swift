import Events
import Foundation
import Pipeline

/// The wall clock of the machine.
struct SystemClock: WallClock {
    var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(unixMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
