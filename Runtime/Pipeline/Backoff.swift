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

/// A small generator for jitter (SplitMix64): the same seed gives the same decisions.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64
    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
