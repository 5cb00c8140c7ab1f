public import Events

/// A circuit breaker (Nygard, Release It!, 2007): whether a service is to be asked at all. Decides; does nothing, and
/// has no clock.
///
/// ```
/// closed ── failures in a row ──> open ── time ──> half-open: one probe
///   ^                               ^                    │
///   │                               └── any failure ─────┤
///   └── as many at once as the service may have <── each answer doubles them
/// ```
public struct Circuit: Sendable {
    public struct Options: Sendable, Hashable {
        /// Exchanges without an answer, one after the other, that open it.
        public var failures: Int
        /// For how long the first time; twice as long each time that a probe fails.
        public var open: Duration
        public var openAtMost: Duration
        public init(failures: Int = 5, open: Duration = .seconds(1), openAtMost: Duration = .minutes(1)) {
            self.failures = failures
            self.open = open
            self.openAtMost = openAtMost
        }
    }

    public enum State: Sendable, Hashable {
        case closed(failures: Int)
        case open(until: Instant)
        case halfOpen(atOnce: Int)
    }

    /// The right to ask once. Its end is to be told, always.
    public struct Pass: Sendable, Hashable {
        fileprivate let phase: Int
    }

    public enum Admission: Sendable, Hashable {
        case pass(Pass)
        case refused
    }

    /// How an exchange ended, as far as it tells of the service.
    public enum Report: Sendable {
        case answered
        case failed
        /// It was given up for a reason that is not the service's.
        case nothing
    }

    public private(set) var state = State.closed(failures: 0)
    private let options: Options
    private let concurrency: Int
    /// In a row, without a recovery between them.
    private var openings = 0
    /// Reports of an earlier phase say nothing of this one.
    private var phase = 0
    private var probes = 0

    /// - Parameter concurrency: with so many at once it has recovered.
    public init(_ options: Options, concurrency: Int) {
        self.options = options
        self.concurrency = max(concurrency, 1)
    }

    public mutating func admit(at now: Instant) -> Admission {
        if case .open(let until) = state, now >= until { enter(.halfOpen(atOnce: 1)) }
        switch state {
        case .closed: return .pass(Pass(phase: phase))
        case .open: return .refused
        case .halfOpen(let atOnce):
            guard probes < atOnce else { return .refused }
            probes += 1
            return .pass(Pass(phase: phase))
        }
    }

    public mutating func ended(_ pass: Pass, _ report: Report, at now: Instant) {
        guard pass.phase == phase else { return }
        switch (state, report) {
        case (.closed, .answered): state = .closed(failures: 0)
        case (.closed(let failures), .failed):
            if failures + 1 >= options.failures { open(at: now) } else { state = .closed(failures: failures + 1) }
        case (.halfOpen(let atOnce), .answered):
            probes -= 1
            if atOnce * 2 >= concurrency { close() } else { state = .halfOpen(atOnce: atOnce * 2) }
        case (.halfOpen, .failed): open(at: now)
        case (.halfOpen, .nothing): probes -= 1
        case (.closed, .nothing), (.open, _): break
        }
    }

    private mutating func open(at now: Instant) {
        var time = options.open
        for _ in 0..<min(openings, 16) where time < options.openAtMost { time = time * 2 }
        openings += 1
        enter(.open(until: now + min(time, options.openAtMost)))
    }

    private mutating func close() {
        openings = 0
        enter(.closed(failures: 0))
    }

    private mutating func enter(_ next: State) {
        state = next
        phase += 1
        probes = 0
    }
}

extension Circuit.State {
    public enum Name: String, Sendable, CaseIterable {
        case closed, open
        case halfOpen = "half-open"
    }
    public var name: Name {
        switch self {
        case .closed: .closed
        case .open: .open
        case .halfOpen: .halfOpen
        }
    }
}
