import Cryptography
import Events
import Pipeline
import Synchronization

/// A second build at work in a generation: which events it gets, and whether it goes on.
final class Trial: Sendable {
    private struct State {
        var canary: Canary
        var isOver = false
        /// Events that failed in a canary: they run in the serving build, as if it had never been.
        var failed: Set<EventID> = []
        var order: [EventID] = []

        mutating func remember(_ event: EventID) {
            guard failed.insert(event).inserted else { return }
            order.append(event)
            if order.count > Limits.trialFailures { failed.remove(order.removeFirst()) }
        }
    }

    let options: TrialOptions
    let handler: HandlerID
    private let keys: BusinessKey?
    /// What of its state the second build wants to come with an event.
    let stateKeys: StateKeys
    private let state: Mutex<State>

    init(_ options: TrialOptions, of handler: HandlerID, keys: BusinessKey?, templates: StateKeys) {
        self.options = options
        self.handler = handler
        self.keys = keys
        stateKeys = templates
        state = Mutex(State(canary: Canary(options)))
    }

    var isOver: Bool { state.withLock { $0.isOver } }

    /// All events of one business key go to one build. A canary gets first runs alone: what failed once, for whatever
    /// reason, is not for it.
    func takes(_ assignment: Assignment, isAlone: Bool) -> Bool {
        let event = assignment.event
        if options.kind == .canary {
            let isRefused = state.withLock { $0.isOver || $0.failed.contains(event.id) }
            if isRefused || isAlone || assignment.attempt > 1 { return false }
        }
        return Self.place(of: key(of: event)) < options.share
    }

    private func key(of event: Event) -> Digest {
        if let keys, case .success(let digest) = keys.digest(of: event) { return digest }
        return Hash.sha256(Array("\(event.id.issuer)\n\(event.id.text)".utf8))
    }

    /// 0 to 9,999, the same in every sidecar.
    static func place(of digest: Digest) -> Int {
        Int(digest.high.0 % 10_000)
    }

    // MARK: - a canary's outcomes

    func servingRan(_ outcomes: [Outcome], at now: Instant) {
        let judged = outcomes.filter(\.tellsOfTheBuild)
        let failures = judged.count { !$0.isDone }
        state.withLock { $0.canary.note(serving: failures, of: judged.count, at: now) }
    }

    /// What failed in the canary is unanswered, and remembered: it runs again in the serving build, at once and without
    /// an attempt.
    /// - Returns: the outcomes that count, and why the canary is over if that is now.
    func trialRan(_ outcomes: [Outcome], of events: [EventID], at now: Instant) -> ([Outcome], Failure?) {
        let judged = outcomes.filter(\.tellsOfTheBuild)
        let failures = judged.count { !$0.isDone }
        let cause = state.withLock { state -> String? in
            for (outcome, event) in zip(outcomes, events) where outcome.isFailure { state.remember(event) }
            guard !state.isOver, let cause = state.canary.note(trial: failures, of: judged.count, at: now)
            else { return nil }
            state.isOver = true
            return cause
        }
        let failure = cause.map { Failure(.pluginRolledBack, "\(handler) \(options.plugin)", $0) }
        return (outcomes.map { $0.isFailure ? .unanswered : $0 }, failure)
    }
}

extension Outcome {
    fileprivate var isDone: Bool { if case .done = self { true } else { false } }
    /// A dependency that is down is down for both builds.
    fileprivate var tellsOfTheBuild: Bool { if case .wait = self { false } else { true } }
    fileprivate var isFailure: Bool { tellsOfTheBuild && !isDone }
    /// How a canary's event went.
    var inCanary: TrialResult { isDone ? .done : tellsOfTheBuild ? .failed : .waited }
}
