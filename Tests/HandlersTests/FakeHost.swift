/// A host in memory that keeps the promise: effects of an event are kept if and only if it is done.

import Kit

final class FakeHost {
    private(set) var state: [String: Stored] = [:]
    private(set) var published: [Draft] = []
    private(set) var timers: [String: Timestamp] = [:]
    private(set) var counts: [String: UInt64] = [:]
    private(set) var logLines: [String] = []
    /// What every call for state or publishing fails with, if anything.
    var failure: HostFailure?

    /// Runs a handler as the sidecar would, and commits.
    func run<H: Handler>(_ handler: H, _ event: Event) -> Outcome {
        let attempt = Attempt(state: state, publishes: H.publishes, failure: failure)
        let outcome: Outcome
        do {
            outcome = try handler.handle(event, attempt)
        } catch {
            outcome = Outcome(thrown: error)
        }
        counts.merge(attempt.counts, uniquingKeysWith: +)
        logLines += attempt.logLines
        guard outcome == .done else { return outcome }
        state = attempt.state
        timers = attempt.timers
        published += attempt.drafts
        return outcome
    }

    /// A record as the last commit left it.
    func record<Record: StateRecord>(_ type: Record.Type, _ key: String) throws -> Record? {
        try state[key].map { try Record(json: JSON(parsing: $0.value)) }
    }

    func put(_ key: String, _ text: String) { state[key] = Stored(value: Array(text.utf8), version: Version(1)) }
}

/// One run of one event.
private final class Attempt: Host {
    var state: [String: Stored]
    var drafts: [Draft] = []
    var timers: [String: Timestamp] = [:]
    var counts: [String: UInt64] = [:]
    var logLines: [String] = []
    let publishes: [Route]
    let failure: HostFailure?

    init(state: [String: Stored], publishes: [Route], failure: HostFailure?) {
        self.state = state
        self.publishes = publishes
        self.failure = failure
    }

    func get(_ key: String) throws(HostFailure) -> Stored? {
        if let failure { throw failure }
        return state[key]
    }

    func put(_ key: String, _ value: [UInt8], ifVersion: Version, timeToLive: Duration?) throws(HostFailure) {
        try check(key, ifVersion)
        state[key] = Stored(value: value, version: Version((state[key]?.version.number ?? 0) + 1))
    }

    func erase(_ key: String, ifVersion: Version) throws(HostFailure) {
        try check(key, ifVersion)
        state[key] = nil
    }

    private func check(_ key: String, _ expected: Version) throws(HostFailure) {
        if let failure { throw failure }
        guard expected == .any || expected == state[key]?.version ?? .absent else { throw .conflict }
    }

    func publish(_ draft: Draft) throws(HostFailure) {
        if let failure { throw failure }
        guard publishes.contains(Route(draft.source, draft.detailType)) else { throw .denied }
        drafts.append(draft)
    }

    func setTimer(_ key: String, at time: Timestamp, detail: JSON) throws(HostFailure) { timers[key] = time }
    func removeTimer(_ key: String) throws(HostFailure) { timers[key] = nil }

    func log(_ level: Level, _ message: String, _ fields: KeyValuePairs<String, String>) {
        logLines.append(fields.reduce(message) { "\($0) \($1.key)=\($1.value)" })
    }
    func count(_ name: String, by delta: UInt64, _ labels: KeyValuePairs<String, String>) {
        counts[name, default: 0] += delta
    }
    func observe(_ name: String, _ value: Double, _ labels: KeyValuePairs<String, String>) {}
    var remaining: Duration { .seconds(10) }
}

extension JSON {
    /// JSON text in a test.
    static func text(_ text: String) throws -> JSON { try JSON(parsing: text.utf8) }
}

extension Outcome {
    /// The code of the reason, or "done".
    var code: String {
        switch self {
        case .done: "done"
        case .retry(_, let reason), .reject(let reason), .wait(_, let reason): reason.code
        }
    }
}

/// Numbers from a seed (SplitMix64), so that a failing case can be run again.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
