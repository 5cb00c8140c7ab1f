import Events

/// Counts how two builds of one handler do, and judges the second by the first. Decides; does nothing.
struct Canary: Sendable {
    struct Tally: Sendable, Equatable {
        var events = 0
        var failures = 0
        /// In hundredths of a percent.
        var rate: Int { events == 0 ? 0 : failures * 10_000 / events }
    }

    private let options: TrialOptions
    private(set) var serving = Tally()
    private(set) var trial = Tally()
    private var since: Instant?

    init(_ options: TrialOptions) { self.options = options }

    mutating func note(serving failures: Int, of events: Int, at now: Instant) {
        begin(at: now)
        serving.events += events
        serving.failures += failures
    }

    /// - Returns: why the canary is over, if it is: it failed more often than it may, over enough events or time.
    mutating func note(trial failures: Int, of events: Int, at now: Instant) -> String? {
        begin(at: now)
        trial.events += events
        trial.failures += failures
        let isOver = since.map { now - $0 >= options.window } ?? false
        guard trial.events >= options.leastEvents || isOver else { return nil }
        if trial.rate > serving.rate + options.margin {
            return "\(trial.failures) of \(trial.events) events failed in it, \(serving.failures) of \(serving.events)"
                + " in the serving build"
        }
        if isOver { (serving, trial, since) = (Tally(), Tally(), now) }
        return nil
    }

    private mutating func begin(at now: Instant) { since = since ?? now }
}
