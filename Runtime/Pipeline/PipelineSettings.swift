public import Events

/// What the pipeline of one queue is told. Immutable for a generation.
public struct PipelineSettings: Sendable {
    public enum Unroutable: String, Sendable, CaseIterable { case deadLetter = "dead-letter", ignore, leave }
    /// What becomes of a FIFO group whose head fails for good.
    public enum PoisonousHead: String, Sendable, CaseIterable {
        /// The head is tried on until the message is near its end; the group waits behind it. A head that its handler
        /// rejects is a letter at once: that is its outcome.
        case block
        /// It becomes a letter, which keeps its place in the order, and the next goes on.
        case deadLetter = "dead-letter"
        /// It becomes a letter, and so does all of its group that follows, until it was redriven or thrown away.
        case parkGroup = "park-group"
    }
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
    public var poisonousHead: PoisonousHead
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
        unroutable: Unroutable = .deadLetter, poisonousHead: PoisonousHead = .block,
        deletesWaitForBus: Bool = false, maximumAge: Duration = .hours(25),
        hold: Duration = Limits.hold, pollers: Int = 4, inHand: Int = 1_000, inHandBytes: Int = Limits.inHandBytes,
        generation: Int = 1, configuration: String = "", suspects: Set<EventID> = [], seed: UInt64 = 1
    ) {
        self.queue = queue
        self.description = description
        self.handlers = handlers
        self.deadLetterRetention = deadLetterRetention
        self.deadLetters = deadLetters
        self.unroutable = unroutable
        self.poisonousHead = poisonousHead
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

/// How often something is tried, and how long between.
public struct RetryBudget: Sendable, Hashable {
    /// Runs that may count before an event is dead-lettered as `handle.exhausted`.
    public var attempts: Int
    public var backoff: Backoff
    public init(attempts: Int = 8, backoff: Backoff = Backoff()) {
        self.attempts = max(attempts, 1)
        self.backoff = backoff
    }
}

/// How one handler is run and retried.
public struct HandlerPolicy: Sendable {
    /// The class of failure of an event that lost its state race too often.
    public static let stateConflict = "state-conflict"

    /// Batches at once: workers times their threads.
    public var concurrency: Int
    /// Of them, those that run nothing but critical events.
    public var reserved: Int
    public var maximumBatch: Int
    public var retry: RetryBudget
    /// Budgets of their own, by class of failure: the code of the reason that the handler gives.
    public var classes: [String: RetryBudget]
    /// From when it was first seen: after that it is not tried again, whatever its budget.
    public var age: Duration?

    public init(
        concurrency: Int = 1, reserved: Int = 0, maximumBatch: Int = 1, retry: RetryBudget = RetryBudget(),
        classes: [String: RetryBudget] = [:], age: Duration? = nil
    ) {
        self.concurrency = max(concurrency, 1)
        self.reserved = min(max(reserved, 0), self.concurrency - 1)
        self.maximumBatch = max(maximumBatch, 1)
        self.retry = retry
        self.classes = classes
        self.age = age
    }

    /// Counts an attempt, which stands in `history` already, for its class.
    /// - Returns: the budget that it came out of, and what of that is spent.
    func budget(of name: String, counting history: inout History) -> (RetryBudget, spent: Int) {
        guard let own = classes[name] else {
            let others = history.spent.reduce(0) { classes[$1.key] == nil ? $0 : $0 + $1.value }
            return (retry, history.attempts - others)
        }
        history.spent[name, default: 0] += 1
        return (own, history.spent[name] ?? 1)
    }
}
