/// A wall clock without jumps: it runs with the machine's monotonic clock, and follows its wall clock at no less than
/// half and no more than twice the speed of time.
///
/// Somebody sets a machine's clock by hours, and back. What waits for a moment then waits twice as long at most, what
/// is kept up by beats stays kept up, and what is remembered for days is not forgotten in a second. An hour that the
/// clock was set forward is made up in an hour, one that it was set back in two.
public struct SteadyTime: Sendable {
    /// Nanoseconds: since 1970, and of the monotonic clock at that moment.
    private var time: Int64
    private var elapsed: Int64

    public init(wall: Int64, elapsed: Int64) {
        time = wall
        self.elapsed = elapsed
    }

    /// - Parameters:
    ///   - wall: what the machine's wall clock shows, in nanoseconds since 1970.
    ///   - elapsed: what its monotonic clock shows, in nanoseconds from any moment.
    /// - Returns: nanoseconds since 1970, never fewer than before.
    public mutating func read(wall: Int64, elapsed: Int64) -> Int64 {
        let passed = max(0, elapsed - self.elapsed)
        self.elapsed += passed
        time += min(max(wall - time, passed / 2), passed * 2)
        return time
    }
}
