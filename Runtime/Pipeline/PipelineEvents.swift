public import Events

/// What happens in the pipeline, as values: each log line and metric derives from one of these.
public enum PipelineEvent: Sendable {
    /// A poll was answered, be it with nothing.
    case received(count: Int, bytes: Int)
    case receiveFailed(Failure)
    case redelivered(MessageID)
    case verified(Subject, keyID: String)
    case failed(Subject, Failure)
    case duplicate(Subject)
    /// One run of one event ended. `waited`: from available in the queue to handed to a worker, for an event that came
    /// for the first time. `took`: from there to the answer.
    case handled(Subject, outcome: HandledOutcome, attempt: Int, waited: Duration?, took: Duration)
    case retried(Subject, Failure, after: Duration, attempt: Int)
    case committed(count: Int, took: Duration)
    case settled(Subject, SettledAs, endToEnd: Duration)
    case deadLettered(Subject, Failure)
    case settleFailed(Subject, Failure)
    case paused(Failure)
    case resumed
    case stage(Stage, count: Int, took: Duration)
    case inHand(messages: Int, bytes: Int, oldest: Duration)
    /// A dependency of this handler is down: its events wait until then, when one of them tries.
    case circuitOpened(HandlerID, until: Instant, Failure)
    case circuitClosed(HandlerID)
    /// What the queue has, in all. `hidden`: of it what stands behind the heads of FIFO groups in hand, so that no
    /// receive brings it.
    case backlog(QueueDepth, hidden: Int)
    /// What was in hand when it stopped, by where it stood: all of it comes again.
    case drained(left: [Standing.Step: Int])

    /// What a line or a metric is about.
    public struct Subject: Sendable {
        public var queue: QueueName
        public var messageID: MessageID?
        public var handler: HandlerID?
        public var eventID: String
        public var traceParent: String
        public init(
            queue: QueueName, messageID: MessageID? = nil, handler: HandlerID? = nil, eventID: String = "",
            traceParent: String = ""
        ) {
            self.queue = queue
            self.messageID = messageID
            self.handler = handler
            self.eventID = eventID
            self.traceParent = traceParent
        }
    }
    public enum HandledOutcome: String, Sendable, CaseIterable {
        case done, retry, reject, wait, unanswered, suspect, struck
    }
    public enum SettledAs: String, Sendable, CaseIterable {
        case done, duplicate, ignored, deadLetter = "dead-letter", givenBack = "given-back"
    }
}

/// Hears everything that happens in a queue's pipeline, on the pipeline's own task: it must not block.
public protocol PipelineObserver: Sendable {
    func note(_ event: PipelineEvent, of queue: QueueName, at now: Instant)
}
