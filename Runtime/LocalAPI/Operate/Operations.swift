public import Events
public import JSON

/// What operators ask of the sidecar. The composition root answers; each call is asked from any task, at once.
public protocol Operations: Sendable {
    func status() async -> StatusReport
    func handlers() async -> [HandlerReport]
    /// - Parameter expected: the digest of the generation that must serve now, if it matters.
    func reload(ifMatch expected: String?) async -> ReloadReport
    func configuration() async -> ConfigurationReport
}

/// The sidecar, now.
public struct StatusReport: Sendable {
    public struct Generation: Sendable {
        public var number: Int
        public var since: Instant
        /// What `If-Match` names.
        public var digest: String
        /// Of the configuration alone, as dead letters name it.
        public var configuration: String
        /// Generations that have workers: this one, and those that drain.
        public var alive: [Int]
        /// Settings whose change waits for a restart.
        public var needsRestart: [String]
        public init(
            number: Int, since: Instant, digest: String, configuration: String, alive: [Int], needsRestart: [String]
        ) {
            self.number = number
            self.since = since
            self.digest = digest
            self.configuration = configuration
            self.alive = alive
            self.needsRestart = needsRestart
        }
    }
    public struct Attempt: Sendable {
        public var trigger: String
        public var at: Instant
        /// `switched`, `unchanged` or `refused`.
        public var result: String
        public var failure: Failure?
        public init(trigger: String, at: Instant, result: String, failure: Failure?) {
            self.trigger = trigger
            self.at = at
            self.result = result
            self.failure = failure
        }
    }
    public struct Queue: Sendable {
        public var name: String
        public var handlers: [String]
        public var messages = 0
        public var bytes = 0
        /// How long the oldest has been in hand.
        public var oldest = Duration.zero
        /// Why nothing is received.
        public var paused: Failure?
        /// By the queue's own word, if it was asked already; and of that, what stands behind the heads of FIFO groups.
        public var available: Int?
        public var hidden = 0
        public var circuits: [Circuit] = []
        /// FIFO groups that stand behind an event that failed for good, and since when the first of them does.
        public var parked = 0
        public var parkedSince: Instant?

        /// A handler whose events wait for what it depends on.
        public struct Circuit: Sendable {
            public var handler: String
            /// When the next of them tries.
            public var until: Instant
            public var failure: Failure
            public init(handler: String, until: Instant, failure: Failure) {
                self.handler = handler
                self.until = until
                self.failure = failure
            }
        }

        public init(name: String, handlers: [String]) {
            self.name = name
            self.handlers = handlers
        }
    }
    public struct Outbox: Sendable {
        public var rows: Int
        public var bytes: Int
        public var oldest: Instant?
        public init(rows: Int, bytes: Int, oldest: Instant?) {
            self.rows = rows
            self.bytes = bytes
            self.oldest = oldest
        }
    }
    public struct Trial: Sendable {
        public var handler: String
        public var kind: String
        public var plugin: String
        /// `promoted`, `rolled-back`, or `nil` while it goes on.
        public var verdict: String?
        public init(handler: String, kind: String, plugin: String, verdict: String?) {
            self.handler = handler
            self.kind = kind
            self.plugin = plugin
            self.verdict = verdict
        }
    }
    /// A service that handlers call.
    public struct Service: Sendable {
        public var name: String
        /// Of its circuit: `closed`, `open` or `half-open`.
        public var circuit: String
        public init(name: String, circuit: String) {
            self.name = name
            self.circuit = circuit
        }
    }

    public var version: String
    public var now: Instant
    /// When the sidecar started.
    public var since: Instant
    /// What keeps it from its work, in words.
    public var problems: [String]
    public var generation: Generation
    public var lastReload: Attempt?
    public var queues: [Queue] = []
    /// `nil` while the store does not answer.
    public var outbox: Outbox?
    /// Rows by table, and `bytes`; empty while the store does not answer.
    public var store: [(name: String, count: Int)] = []
    public var sandbox: String
    public var trials: [Trial] = []
    public var services: [Service] = []

    public init(
        version: String, now: Instant, since: Instant, problems: [String], generation: Generation, sandbox: String
    ) {
        self.version = version
        self.now = now
        self.since = since
        self.problems = problems
        self.generation = generation
        self.sandbox = sandbox
    }
}

/// One handler of the generation that serves.
public struct HandlerReport: Sendable {
    public var id: String
    /// The plugin's name; empty for a handler that has none.
    public var plugin: String
    public var version: String
    /// SHA-256 of the plugin file, in hexadecimal.
    public var digest: String
    public var generation: Int
    /// `source detail-type`, as the table of routes has them.
    public var routes: [(source: String, detailType: String)]
    public var workers: Int
    /// Its workers are older than the generation.
    public var isReused: Bool
    /// The parts of the sandbox, and whether each is in force.
    public var sandbox: [String: Bool]

    public init(
        id: String, plugin: String, version: String, digest: String, generation: Int,
        routes: [(source: String, detailType: String)], workers: Int, isReused: Bool, sandbox: [String: Bool]
    ) {
        self.id = id
        self.plugin = plugin
        self.version = version
        self.digest = digest
        self.generation = generation
        self.routes = routes
        self.workers = workers
        self.isReused = isReused
        self.sandbox = sandbox
    }
}

/// What came of a reload.
public enum ReloadReport: Sendable {
    public struct Change: Sendable {
        public var number: Int
        public var started: [String]
        public var kept: [String]
        public var gone: [String]
        public init(number: Int, started: [String], kept: [String], gone: [String]) {
            self.number = number
            self.started = started
            self.kept = kept
            self.gone = gone
        }
    }
    /// One thing that is wrong with a configuration, as `outrigger check` tells it.
    public struct Problem: Sendable {
        public var place: String
        public var path: String
        public var why: String
        public var fix: String
        public init(place: String, path: String, why: String, fix: String) {
            self.place = place
            self.path = path
            self.why = why
            self.fix = fix
        }
    }

    case switched(Change, digest: String, needsRestart: [String])
    case unchanged(digest: String, needsRestart: [String])
    /// The last good generation goes on.
    case refused(Failure, [Problem])
}

/// The configuration in force, with what may be secret hidden.
public struct ConfigurationReport: Sendable {
    /// Of the generation.
    public var digest: String
    public var settings: JSONValue
    public init(digest: String, settings: JSONValue) {
        self.digest = digest
        self.settings = settings
    }
}
