public import Events

/// How letters go back: how fast, and after which proof.
public struct RedrivePlan: Sendable, Hashable {
    /// Letters a second; `nil` as fast as the queues take them.
    public var rate: Double?
    /// So many go first, and all others only if none of them fails again. 0 for none.
    public var canary = 0
    /// How long the canary is waited for.
    public var patience = Duration.minutes(1)
    /// What is not moved by then stays for the next call: the work goes on where it ended.
    public var deadline: Instant?
    /// Each event may run once, whatever dedup and age say of it, by an order that was given then: of several letters
    /// of one event one does.
    public var override: Instant?

    public init() {}

    /// Letters that are taken in one step: they are sent at once, so that none is in hand while the pace is waited for.
    func step(_ left: Int) -> Int {
        let step = rate.map { min(max(Int($0), 1), Limits.batchEntries) } ?? Limits.batchEntries
        return min(step, left)
    }

    /// How long so many letters take at the rate.
    func pause(after count: Int) -> Duration {
        guard let rate, rate > 0 else { return .zero }
        return .milliseconds(Int64(Double(count) / rate * 1000))
    }
}

/// The first letters of a redrive, until each of them has ended.
struct Canary: Sendable {
    /// Messages by the names that the target gave them, and the letters that they were.
    private(set) var open: [MessageID: MessageID] = [:]
    private(set) var passed = 0
    private(set) var failed: [MessageID] = []
    let until: Instant

    init(_ sent: [MessageID: MessageID], until: Instant) {
        open = sent
        self.until = until
    }

    mutating func hear(_ verdicts: [MessageID: RedriveVerdict]) {
        for (message, verdict) in verdicts {
            guard let letter = open.removeValue(forKey: message) else { continue }
            if verdict == .passed { passed += 1 } else { failed.append(letter) }
        }
    }

    /// A letter says which message failed; one that a queue moved by itself kept that name.
    mutating func meet(_ letter: Letter) {
        let name = MessageID(letter.record.message)
        hear([open[name] == nil ? letter.id : name: .failed])
    }

    /// `nil` while it is waited for. One failure is enough. Who never ended is a failure where somebody keeps a record
    /// of what is done; where nobody does, silence is all that success can be.
    func end(isRecorded: Bool, at now: Instant) -> RedriveReport.Canary? {
        if !failed.isEmpty { return .failed }
        if open.isEmpty { return .passed }
        if now < until { return nil }
        return isRecorded ? .undecided : .silent
    }
}

/// What became of a redrive, a discard, or so far of one.
public struct RedriveReport: Sendable, Hashable {
    public enum Canary: String, Sendable, CaseIterable {
        /// Each was done.
        case passed
        /// None came back in time; whether they are done nobody here can say.
        case silent
        /// At least one is a dead letter again: nothing more was moved.
        case failed
        /// At least one had not ended in time: nothing more was moved.
        case undecided

        public var stops: Bool { self == .failed || self == .undecided }
    }

    /// Letters that left the box: accepted by the queue, or discarded.
    public var moved = 0
    /// Letters that were meant and stay: the queue did not take them.
    public var refused = 0
    /// Letters that were sent and could not be deleted: they will come twice, and be known as duplicates.
    public var doubled = 0
    /// `nil` where none was asked for, or none was met.
    public var canary: Canary?
    /// Letters of the canary that are done, and those that failed again.
    public var passed = 0
    public var failed: [MessageID] = []
    /// False if there may be more to move.
    public var isWhole = true
    /// The first of what went wrong.
    public var failure: Failure?

    public init() {}

    mutating func note(_ failure: Failure?) { if self.failure == nil { self.failure = failure } }
}
