public import Events

/// What the pipeline of one queue is told. Immutable for a generation.
public struct PipelineSettings: Sendable {
    public enum Unroutable: String, Sendable, CaseIterable { case deadLetter = "dead-letter", ignore, leave }
    public enum DeadLetters: Sendable {
        /// Sent to a queue of its own.
        case queue
        /// Kept whole in the embedded store, which is durable.
        case shelf
    }

    public var queue: QueueName
    public var description: QueueDescription
    /// How long the dead-letter queue keeps messages: rows of dead events live that much longer.
    public var deadLetterRetention: Duration
    public var deadLetters: DeadLetters
    public var unroutable: Unroutable
    /// The store may end with its pod: a message whose event published something is its only copy until the bus has it.
    public var deletesWaitForBus: Bool
    public var visibilityTimeout: Duration
    public var maximumAge: Duration
    public var hold: Duration
    public var pollers: Int
    public var inHand: Int
    public var inHandBytes: Int
    public var handlers: [HandlerID: HandlerPolicy]
    public var generation: Int
    /// Hash of the configuration, for dead letters.
    public var configuration: String
    /// Events that a worker was in when it died with the sidecar: each runs alone first.
    public var suspects: Set<EventID>
    public var seed: UInt64

    public init(
        queue: QueueName, description: QueueDescription, handlers: [HandlerID: HandlerPolicy],
        deadLetterRetention: Duration = .days(14), deadLetters: DeadLetters = .queue,
        unroutable: Unroutable = .deadLetter, deletesWaitForBus: Bool = false, maximumAge: Duration = .hours(25),
        hold: Duration = Limits.hold, pollers: Int = 4, inHand: Int = 1_000, inHandBytes: Int = Limits.inHandBytes,
        generation: Int = 1, configuration: String = "", suspects: Set<EventID> = [], seed: UInt64 = 1
    ) {
        self.queue = queue
        self.description = description
        self.handlers = handlers
        self.deadLetterRetention = deadLetterRetention
        self.deadLetters = deadLetters
        self.unroutable = unroutable
        self.deletesWaitForBus = deletesWaitForBus
        visibilityTimeout = description.visibilityTimeout
        self.maximumAge = maximumAge
        self.hold = hold
        self.pollers = min(max(pollers, 1), Limits.pollers)
        self.inHand = min(inHand, Limits.inHand)
        self.inHandBytes = min(inHandBytes, Limits.inHandBytes)
        self.generation = generation
        self.configuration = configuration
        self.suspects = suspects
        self.seed = seed
    }

    /// Rows of done events live for the queue's retention and a day.
    public var window: Duration { description.retention + .hours(24) }
    public var ageRules: AgeRules { AgeRules(maximumAge: maximumAge, window: window) }

    /// From here on a message is dead-lettered with its last code rather than tried again: an hour, or a tenth of the
    /// retention, before the queue would drop it.
    func ageLimit(of sentAt: Instant) -> Instant {
        sentAt + description.retention - min(.hours(1), description.retention / 10)
    }
}

/// How one handler is run and retried.
public struct HandlerPolicy: Sendable {
    /// Batches at once: workers times their threads.
    public var concurrency: Int
    public var maximumBatch: Int
    /// Runs that may count before an event is dead-lettered as `handle.exhausted`.
    public var attempts: Int
    public var backoff: Backoff

    public init(concurrency: Int = 1, maximumBatch: Int = 1, attempts: Int = 8, backoff: Backoff = Backoff()) {
        self.concurrency = max(concurrency, 1)
        self.maximumBatch = max(maximumBatch, 1)
        self.attempts = max(attempts, 1)
        self.backoff = backoff
    }
}
