/// A host in memory for unit tests of handlers: what an event did is kept if and only if its answer is done.

public import Kit

/// Runs a handler as the sidecar would, without a sidecar.
///
/// ```swift
/// let host = FakeHost()
/// let handler = try Hello(config: ["greeting": "Good morning"])
/// #expect(host.run(handler, "Payment.Settled.v1", ["paymentId": "P-1"]) == .done)
/// #expect(host.text("greeted") == #"{"count":1}"#)
/// ```
///
/// State, drafts and timers of an event are buffered while it runs, within the limits of `event_handler.h`, and
/// committed with ``Outcome/done``; whatever else it answers, they are forgotten. Calls, log lines and metrics stay in
/// any case. For one test's thread: it is not `Sendable`.
public final class FakeHost {
    /// The keys of the handler's state as the last commit left them, those that have outlived themselves included.
    public private(set) var state: [String: Stored] = [:]
    /// Committed drafts, in order.
    public private(set) var published: [Draft] = []
    /// Committed timers that have not fired.
    public private(set) var timers: [String: PendingTimer] = [:]
    /// Totals of counters by name, over all labels.
    public private(set) var counts: [String: UInt64] = [:]
    /// Every call of `count` and `observe`.
    public private(set) var measurements: [Measurement] = []
    /// Every log line.
    public private(set) var lines: [LogLine] = []
    /// Every call of a service, in order, of each attempt: they are outside of the promise. Each with the
    /// `Idempotency-Key` that it went under: of the same call on another attempt, the same.
    public private(set) var calls: [ServiceRequest] = []
    /// Every answer, in order; a run that lost a race for state and was run again has one.
    public private(set) var answers: [Outcome] = []

    /// The time at which events run: ages what has a time to live, and says which timers are due.
    public var now = Timestamp(milliseconds: 1_700_000_000_000)
    /// What ``Host/remaining`` says. At zero or less the event is over: each service fails with
    /// ``HostFailure/expired``, and no answer counts.
    public var remaining: Duration = .seconds(10)
    /// What every call of a service fails with, if anything.
    public var failure: HostFailure?
    /// What the operator lets the handler publish; `nil` for all that it says it publishes.
    public var allowed: [Route]?
    /// A service next door.
    /// - Throws: anything but a ``HostFailure`` is ``HostFailure/unavailable`` to the handler.
    public typealias Service = (ServiceRequest) throws -> ServiceResponse
    /// The services that the handler may call, by name; any other is ``HostFailure/denied``.
    public var services: [String: Service] = [:]

    private var expiries: [String: Timestamp] = [:]
    private var interferences: [(key: String, value: [UInt8]?)] = []
    private var lastVersion: UInt64 = 0
    private var lastEvent = 0

    public init() {}

    // MARK: - events

    /// Runs one event, and commits what it did if it is done.
    @discardableResult
    public func run<H: Handler>(_ handler: H, _ event: Event) -> Outcome {
        for _ in 0...FakeHost.lossesAtMost {
            let attempt = Attempt(of: handler, event, living(), self)
            let outcome = answer(of: handler, event, attempt)
            for (name, count) in attempt.counts { counts[name, default: 0] += count }
            measurements += attempt.measurements
            lines += attempt.lines
            calls += attempt.calls
            if outcome == .done {
                interfere()
                guard attempt.sees(state) else { continue }
                commit(attempt)
            }
            answers.append(outcome)
            return outcome
        }
        answers.append(.retry(Reason("handle.state-conflict")))
        return .retry(Reason("handle.state-conflict"))
    }

    /// Makes an event of the handler's first source, with an id of its own, and runs it.
    @discardableResult
    public func run<H: Handler>(_ handler: H, _ detailType: String, _ detail: JSON) -> Outcome {
        run(handler, event(H.self, detailType, detail))
    }

    /// An event from the source of the handler's route for this detail type, signed now.
    public func event<H: Handler>(_ handler: H.Type, _ detailType: String, _ detail: JSON) -> Event {
        lastEvent += 1
        let route = H.routes.first { $0.detailType == detailType } ?? H.routes.first
        return Event(
            id: "event-\(lastEvent)", source: route?.source ?? "", detailType: detailType, detail: detail,
            signedAt: now)
    }

    /// Runs, oldest first, the timers that are due at `time`, and those due by then that they set; moves ``now`` there.
    /// - Returns: an answer for each. A timer whose event is not done stays, and is tried once.
    @discardableResult
    public func fireTimers<H: Handler>(of handler: H, until time: Timestamp) -> [Outcome] {
        var outcomes: [Outcome] = []
        var tried: [String: PendingTimer] = [:]
        func isDue(_ entry: (key: String, value: PendingTimer)) -> Bool {
            entry.value.at <= time && tried[entry.key] != entry.value
        }
        while let (key, timer) = timers.filter(isDue).min(by: { $0.value.at < $1.value.at }) {
            now = max(now, timer.at)
            lastEvent += 1
            let event = Event(
                id: "timer-\(lastEvent)", source: "outrigger.timer", detailType: H.id, detail: timer.detail,
                signedAt: timer.at, isBound: true)
            tried[key] = timer
            outcomes.append(run(handler, event))
            if outcomes.last == .done, timers[key] == timer { timers[key] = nil }
        }
        now = max(now, time)
        return outcomes
    }

    private func answer<H: Handler>(of handler: H, _ event: Event, _ attempt: Attempt) -> Outcome {
        let outcome: Outcome
        do { outcome = try handler.handle(event, attempt) } catch { outcome = Outcome(thrown: error) }
        return remaining > .zero ? outcome : .retry(Reason("handle.unanswered", "the event was over"))
    }

    // MARK: - state

    /// Writes a key as an earlier event of the handler would have.
    public func put(_ key: String, _ text: String) { write(key, Array(text.utf8)) }

    /// The text under a key, or `nil`.
    public func text(_ key: String) -> String? {
        living()[key].map { String(decoding: $0.value, as: UTF8.self) }
    }

    /// A record as the last commit left it.
    public func record<Record: StateRecord>(_ type: Record.Type, _ key: String) throws -> Record? {
        try living()[key].map { try Record(json: JSON(parsing: $0.value)) }
    }

    /// When the next event commits, another worker will just have written this key (`nil` erases it). If the event
    /// read or wrote it, it is run again, as the sidecar does, and sees the new value.
    public func interfere(with key: String, _ text: String?) {
        interferences.append((key, text.map { Array($0.utf8) }))
    }

    private static let lossesAtMost = 10

    private func interfere() {
        guard !interferences.isEmpty else { return }
        let (key, value) = interferences.removeFirst()
        if let value { write(key, value) } else { state[key] = nil }
    }

    private func write(_ key: String, _ value: [UInt8], timeToLive: Duration? = nil) {
        lastVersion += 1
        state[key] = Stored(value: value, version: Version(lastVersion))
        expiries[key] = timeToLive.map { Timestamp(milliseconds: now.milliseconds + $0.inMilliseconds) }
    }

    private func living() -> [String: Stored] { state.filter { key, _ in expiries[key].map { $0 > now } ?? true } }

    private func commit(_ attempt: Attempt) {
        for (key, write) in attempt.writes {
            if let value = write.value {
                self.write(key, value, timeToLive: write.timeToLive)
            } else {
                state[key] = nil
            }
        }
        for (key, timer) in attempt.timers { timers[key] = timer }
        published += attempt.drafts
    }
}

extension Duration {
    var inMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
