public import Events

/// Exponential backoff with full jitter: a uniform draw between zero and the exponential step
/// (AWS Architecture Blog, "Exponential Backoff And Jitter").
public struct Backoff: Sendable, Hashable {
    public var base: Duration
    public var cap: Duration
    public init(base: Duration = .seconds(1), cap: Duration = .minutes(15)) {
        self.base = base
        self.cap = cap
    }

    /// - Parameter attempt: how many failed so far, from 1.
    public func delay(attempt: Int, random: inout SeededGenerator) -> Duration {
        let step = min(cap.milliseconds, base.milliseconds &<< Int64(min(max(attempt, 1) - 1, 20)))
        return .milliseconds(Int64.random(in: 0...max(step, 1), using: &random))
    }
}
