/// So many in a second, and as many at once.
struct TokenBucket: Sendable {
    private var rate: Double
    private var tokens: Double
    private var filledAt: ContinuousClock.Instant

    init(rate: Int, at now: ContinuousClock.Instant) {
        self.rate = Double(rate)
        tokens = self.rate
        filledAt = now
    }

    mutating func change(rate: Int) {
        self.rate = Double(rate)
        tokens = min(tokens, self.rate)
    }

    /// - Returns: `nil` if one was taken; else how long until there is one.
    mutating func take(at now: ContinuousClock.Instant) -> Duration? {
        let seconds = max(0, (now - filledAt) / .seconds(1))
        tokens = min(rate, tokens + seconds * rate)
        filledAt = max(filledAt, now)
        guard tokens < 1 else {
            tokens -= 1
            return nil
        }
        return .seconds((1 - tokens) / rate)
    }
}
