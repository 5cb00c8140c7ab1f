public import Events

/// What happens in the pipeline, as values: each log line and metric derives from one of these.
public enum PipelineEvent: Sendable {
    /// A poll was answered, be it with nothing.
    case received(count: Int, bytes: Int)
    case receiveFailed(Failure)
    case redelivered(MessageID)
    case verified([Subject])
    indirect case failed(Subject, Failure)
    case duplicate(Subject)
    case handled([Run])
    indirect case retried(Subject, Failure, after: Duration, attempt: Int)
    case committed(count: Int, took: Duration)
    case settled([Settlement])
    indirect case deadLettered(Subject, Failure)
    indirect case settleFailed(Subject, Failure)
    case paused(Failure)
    case resumed
    case stage(Stage, count: Int, took: Duration)
    case inHand(messages: Int, bytes: Int, oldest: Duration)
    /// A dependency of this handler is down: its events wait until then, when one of them tries.
    indirect case circuitOpened(HandlerID, until: Instant, Failure)
    case circuitClosed(HandlerID)
    /// What the queue has, in all. `hidden`: of it what stands behind the heads of FIFO groups in hand, so that no
    /// receive brings it.
    case backlog(QueueDepth, hidden: Int)
    /// What was in hand when it stopped, by where it stood: all of it comes again.
    case drained(left: [Standing.Step: Int])

    /// What a line or a metric is about. It names the event by reference: most notes are counted and never read.
    public struct Subject: Sendable {
        public let messageID: MessageID?
        public let handler: HandlerID?
        /// `nil` before it is verified.
        public let event: Event?
        public init(messageID: MessageID? = nil, handler: HandlerID? = nil, event: Event? = nil) {
            self.messageID = messageID
            self.handler = handler
            self.event = event
        }
    }
    /// One run of one event that ended.
    public struct Run: Sendable {
        public let subject: Subject
        public let outcome: HandledOutcome
        public let attempt: Int
        /// From available in the queue to handed to a worker, for an event that came for the first time.
        public let waited: Duration?
        /// From there to the answer.
        public let took: Duration
        public init(_ subject: Subject, _ outcome: HandledOutcome, attempt: Int, waited: Duration?, took: Duration) {
            self.subject = subject
            self.outcome = outcome
            self.attempt = attempt
            self.waited = waited
            self.took = took
        }
    }
    /// One message whose end is durable, or that is given back.
    public struct Settlement: Sendable {
        public let subject: Subject
        public let how: SettledAs
        /// From when the queue had it.
        public let endToEnd: Duration
        public init(_ subject: Subject, _ how: SettledAs, endToEnd: Duration) {
            self.subject = subject
            self.how = how
            self.endToEnd = endToEnd
        }
    }
    public enum HandledOutcome: String, Sendable, CaseIterable {
        case done, retry, reject, wait, unanswered, suspect, struck
    }
    public enum SettledAs: String, Sendable, CaseIterable {
        case done, duplicate, ignored, deadLetter = "dead-letter", givenBack = "given-back"
    }
}

/// Hears everything that happens in a queue's pipeline, in order, while the pipeline waits: it must not block.
public protocol PipelineObserver: Sendable {
    func note(_ event: PipelineEvent, of queue: QueueName, at now: Instant)
}
