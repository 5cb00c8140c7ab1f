// The wall clock of the cloud, which tests may put forward: retention ends, visibility ends, windows pass.

import Events
import Glibc
import Synchronization

final class CloudClock: Sendable {
    private let ahead = Mutex(Duration.zero)

    var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let machine = Instant(unixMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
        return machine + ahead.withLock { $0 }
    }

    func advance(by time: Duration) { ahead.withLock { $0 += time } }
}
