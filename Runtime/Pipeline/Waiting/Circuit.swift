import Events

/// Spares a dependency of a handler that is down: opens on `wait` answers in a row, probes with one event, reopens by
/// doubling.
struct Circuit {
    /// What an answer changed.
    enum Change { case opened(until: Instant), closed }

    static let waitsThatOpen = 5
    static let backoff = Backoff(base: .seconds(5), cap: .minutes(2))

    private var waitsInARow = 0
    private var openings = 0
    /// `nil` while closed; else how many may run at once from ``probeAt`` on.
    private var admitted: Int?
    private(set) var probeAt: Instant?

    var isOpen: Bool { admitted != nil }

    @discardableResult
    mutating func waited(at now: Instant, random: inout SeededGenerator) -> Change? {
        waitsInARow += 1
        // What was under way when it opened says nothing new: a batch of ten is one outage.
        if let probeAt, now < probeAt { return nil }
        guard waitsInARow >= Self.waitsThatOpen || isOpen else { return nil }
        openings += 1
        admitted = 1
        let probe = now + Self.backoff.delay(attempt: openings, random: &random)
        probeAt = probe
        return .opened(until: probe)
    }

    @discardableResult
    mutating func progressed() -> Change? {
        waitsInARow = 0
        guard let before = admitted else { return nil }
        admitted = before < Limits.inHand ? before * 2 : nil
        guard admitted == nil else { return nil }
        openings = 0
        probeAt = nil
        return .closed
    }

    /// How many events may run at once.
    func limit(at now: Instant) -> Int {
        guard let admitted else { return .max }
        return now >= probeAt ?? now ? admitted : 0
    }
}
