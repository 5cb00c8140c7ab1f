import Events

/// How much may be in hand, and why nothing is taken: pauses, the circuit breaker, the number of polls.
struct Admission: Sendable {
    private var most: Int
    private var mostBytes: Int
    private var mostPollers: Int

    private(set) var count = 0
    private(set) var bytes = 0
    /// Long polls under way, and what they may bring.
    private(set) var polls = 0
    private var asked = 0
    private var pollers = 1
    private var errors = 0
    private(set) var notBefore = Instant.distantPast

    /// Why intake stands still, by area.
    private(set) var pauses: [String: Failure] = [:]
    private(set) var circuit = Circuit()

    static let pollBackoff = Backoff(base: .milliseconds(500), cap: .seconds(30))

    init(_ settings: PipelineSettings) {
        most = settings.inHand
        mostBytes = settings.inHandBytes
        mostPollers = settings.pollers
    }

    /// New limits; what is in hand beyond them is finished.
    mutating func adopt(_ settings: PipelineSettings) {
        most = settings.inHand
        mostBytes = settings.inHandBytes
        mostPollers = settings.pollers
        pollers = min(pollers, mostPollers)
    }

    /// Short waits are spent in memory only while there is room for others.
    var hasRoom: Bool { count < most && bytes < mostBytes }

    mutating func took(_ envelope: Envelope) {
        count += 1
        bytes += envelope.body.count
    }

    mutating func released(_ envelope: Envelope) {
        count -= 1
        bytes -= envelope.body.count
    }

    /// - Returns: true if this changes whether the queue is paused.
    mutating func pause(_ area: String, _ failure: Failure?) -> Bool {
        let was = pauses.isEmpty
        pauses[area] = failure
        return was != pauses.isEmpty
    }

    mutating func waited(at now: Instant, random: inout SeededGenerator) {
        circuit.waited(at: now, random: &random)
    }
    mutating func progressed() { circuit.progressed() }

    /// The next poll to start, or `nil`: asks only for what can start.
    mutating func poll(at now: Instant) -> Int? {
        guard pauses.isEmpty, now >= notBefore, polls < pollers, bytes < mostBytes else { return nil }
        let room = min(most, circuit.limit(at: now)) - count - asked
        guard room > 0 else { return nil }
        let wanted = min(room, Limits.batchEntries)
        polls += 1
        asked += wanted
        return wanted
    }

    mutating func polled(asked wanted: Int, brought: Int) {
        polls -= 1
        asked -= wanted
        errors = 0
        if brought == wanted { pollers = min(mostPollers, pollers + 1) }
        if brought == 0 { pollers = max(1, polls) }
    }

    mutating func pollFailed(asked wanted: Int, at now: Instant, random: inout SeededGenerator) {
        polls -= 1
        asked -= wanted
        errors += 1
        pollers = 1
        notBefore = now + Self.pollBackoff.delay(attempt: errors, random: &random)
    }

    /// When a poll may become possible by time alone.
    var next: Instant? {
        guard pauses.isEmpty, polls == 0 else { return nil }
        return max(notBefore, circuit.probeAt ?? .distantPast)
    }
}

/// Stops intake when a dependency of the handlers is down: opens on `wait` answers in a row, probes with one event,
/// reopens by doubling.
struct Circuit: Sendable {
    static let waitsThatOpen = 5
    static let backoff = Backoff(base: .seconds(5), cap: .minutes(2))

    private var waitsInARow = 0
    private var openings = 0
    /// `nil` while closed; else what is admitted from ``probeAt`` on.
    private var opening: Int?
    private(set) var probeAt: Instant?

    mutating func waited(at now: Instant, random: inout SeededGenerator) {
        waitsInARow += 1
        // What was under way when it opened says nothing new: a batch of ten is one outage.
        if let probeAt, now < probeAt { return }
        guard waitsInARow >= Self.waitsThatOpen || opening != nil else { return }
        openings += 1
        opening = 1
        probeAt = now + Self.backoff.delay(attempt: openings, random: &random)
    }

    mutating func progressed() {
        waitsInARow = 0
        guard let admitted = opening else { return }
        opening = admitted < Limits.inHand ? admitted * 2 : nil
        if opening == nil {
            openings = 0
            probeAt = nil
        }
    }

    func limit(at now: Instant) -> Int {
        guard let opening else { return .max }
        return now >= probeAt ?? now ? opening : 0
    }
}
