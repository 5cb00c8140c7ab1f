/// When a position is low, and when it is low no more.

public import Kit

/// Two thresholds of one currency, apart from each other so that a position near one of them does not chatter.
public struct Liquidity: Hashable, Sendable {
    /// Below this a position becomes low.
    public let low: Amount
    /// At this, or above, a low position is restored.
    public let restored: Amount

    /// - Returns: `nil` unless `restored` is at least `low`.
    public init?(low: Amount, restored: Amount) {
        guard restored >= low else { return nil }
        self.low = low
        self.restored = restored
    }

    public enum Signal: Hashable, Sendable {
        case low, restored
    }

    /// What is to be told, if anything.
    public func signal(available: Amount, isLow: Bool) -> Signal? {
        if isLow { return available >= restored ? .restored : nil }
        return available < low ? .low : nil
    }

    /// The threshold that was crossed.
    public func threshold(of signal: Signal) -> Amount { signal == .low ? low : restored }
}
