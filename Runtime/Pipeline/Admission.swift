import Events

/// How much may be in hand, and why nothing is taken: pauses, errors, the number of polls.
struct Admission {
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
    /// The last poll that ended brought nothing.
    private(set) var isDry = false

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
        if was, failure == nil { return false }
        pauses[area] = failure
        return was != pauses.isEmpty
    }

    /// The next poll to start, or `nil`: asks only for what can start.
    /// - Parameter limit: what the handlers' circuits let in.
    mutating func poll(at now: Instant, limit: Int) -> Int? {
        guard pauses.isEmpty, now >= notBefore, polls < pollers, bytes < mostBytes else { return nil }
        let room = min(most, limit) - count - asked
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
        isDry = brought == 0
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

    /// When a poll may become possible by time alone, where circuits let something in from `probe` on.
    func next(probe: Instant?) -> Instant? {
        pauses.isEmpty && polls == 0 ? max(notBefore, probe ?? .distantPast) : nil
    }
}
