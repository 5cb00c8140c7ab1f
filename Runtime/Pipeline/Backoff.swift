public import Events

/// Exponential backoff (AWS Architecture Blog, "Exponential Backoff And Jitter").
public struct Backoff: Sendable, Hashable {
    /// How the wait is drawn from the exponential step.
    public enum Jitter: String, Sendable, CaseIterable {
        /// Uniform between zero and the step: what failed together does not come again together.
        case full
        /// Uniform between half of the step and the whole: never much sooner than asked.
        case equal
        /// The step itself.
        case none
    }

    public var base: Duration
    public var cap: Duration
    public var jitter: Jitter
    public init(base: Duration = .seconds(1), cap: Duration = .minutes(15), jitter: Jitter = .full) {
        self.base = base
        self.cap = cap
        self.jitter = jitter
    }

    /// - Parameter attempt: how many failed so far, from 1.
    public func delay(attempt: Int, random: inout SeededGenerator) -> Duration {
        let step = max(1, min(cap.milliseconds, base.milliseconds &<< Int64(min(max(attempt, 1) - 1, 20))))
        switch jitter {
        case .full: return .milliseconds(Int64.random(in: 0...step, using: &random))
        case .equal: return .milliseconds(Int64.random(in: step / 2...step, using: &random))
        case .none: return .milliseconds(step)
        }
    }
}
