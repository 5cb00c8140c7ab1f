import Events
import Foundation
import Pipeline

/// The wall clock of the machine.
struct SystemClock: WallClock {
    var now: Instant { Instant(unixMilliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down))) }
}
