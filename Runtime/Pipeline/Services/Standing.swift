public import Events

/// Where a message in hand stands now, for who asks what became of it.
public struct Standing: Sendable, Hashable {
    public enum Step: String, Sendable, CaseIterable {
        case verifying, blocked, waiting, claiming, ready, running, committing, publishing, refusing
        case deadLettering = "dead-lettering"
        case deleting, returning

        /// In words, as the end of "It ...".
        public var words: String {
            switch self {
            case .verifying: "is being verified"
            case .blocked: "waits behind the head of its FIFO group"
            case .waiting: "waits, and is tried again"
            case .claiming: "is being looked up in the ledger"
            case .ready: "waits for a free worker"
            case .running: "is in its handler"
            case .committing: "is being committed"
            case .publishing: "is done, and waits until the bus has what it published"
            case .refusing: "is being recorded as refused"
            case .deadLettering: "is being sent to the dead letters"
            case .deleting: "is settled, and being deleted from its queue"
            case .returning: "is being given back to its queue"
            }
        }
    }

    public let queue: QueueName
    public let message: MessageID
    /// `nil` before it is verified.
    public let event: EventID?
    public let source: String
    public let tenantID: String
    public let handler: HandlerID?
    public let generation: Int
    public let step: Step
    /// In hand since then; while it runs, in its handler.
    public let since: Instant
    /// When it goes on, where that is known.
    public let until: Instant?
    /// The run that is under way or comes next; 0 before the ledger was asked.
    public let attempt: Int
    /// How often the queue has given it to anybody.
    public let deliveries: Int
    /// Why it waits, or what was decided.
    public let failure: Failure?

    public init(
        queue: QueueName, message: MessageID, event: EventID?, source: String, tenantID: String, handler: HandlerID?,
        generation: Int, step: Step, since: Instant, until: Instant?, attempt: Int, deliveries: Int, failure: Failure?
    ) {
        self.queue = queue
        self.message = message
        self.event = event
        self.source = source
        self.tenantID = tenantID
        self.handler = handler
        self.generation = generation
        self.step = step
        self.since = since
        self.until = until
        self.attempt = attempt
        self.deliveries = deliveries
        self.failure = failure
    }
}

extension Pipeline {
    /// Everything in hand that goes by this name: an event's id, or the queue's id of a message. Oldest first.
    public func standing(of name: String) -> [Standing] {
        hand.inOrder.filter { $0.event?.id.text == name || $0.envelope.messageID.text == name }.map(standing)
    }

    private func standing(_ item: Item) -> Standing {
        Standing(
            queue: settings.queue, message: item.envelope.messageID, event: item.event?.id,
            source: item.event?.source ?? "", tenantID: item.event?.trace.tenantID ?? "", handler: item.handler,
            generation: item.generation, step: item.step,
            since: item.state == .running ? item.ranAt : item.heldSince, until: parked.time(of: item.id),
            attempt: item.lease == nil && item.history.attempts == 0 ? 0 : item.history.attempts + 1,
            deliveries: item.deliveries, failure: item.lastFailure)
    }
}

extension Item {
    var step: Standing.Step {
        switch state {
        case .verifying: .verifying
        case .blocked: .blocked
        case .parked(.letter): .deadLettering
        case .parked(.delete): .deleting
        case .parked(.verify), .parked(.claim): .waiting
        case .claiming: .claiming
        case .ready: .ready
        case .running: .running
        case .committing: .committing
        case .publishing: .publishing
        case .refusing: .refusing
        case .sendingLetter: .deadLettering
        case .deleting: .deleting
        case .returning: .returning
        }
    }
}
