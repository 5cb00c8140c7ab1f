public import Events

// Events of the journal, in their handlers again: what is asked, what comes of it, and what that needs of the world.

/// Which recorded events somebody wants to run again. All that is given must hold.
public struct ReplayQuery: Sendable, Hashable {
    /// Committed from then on, and before then.
    public var from: Instant
    public var to: Instant
    public var source: String?
    public var detailType: String?
    public var handler: HandlerID?
    public var queue: QueueName?
    /// Rows of the journal behind this number.
    public var after: Int64 = 0
    public init(from: Instant, to: Instant) {
        self.from = from
        self.to = to
    }
}

/// How they run.
public struct ReplayPlan: Sendable, Hashable {
    /// What comes of them is committed, under a permit for each. Else it is told, and dropped.
    public var applies = false
    /// Events a second.
    public var rate = Double(Limits.replayRate)
    public var atMost = Limits.replayPage
    /// What has not begun by then is left to the next request.
    public var deadline: Instant?
    public init() {}
}

/// An event as the journal has it: verified when it was recorded.
public struct RecordedEvent: Sendable {
    /// Of the last row that says what became of it.
    public let number: Int64
    public let event: Event
    public let queue: QueueName
    public let message: MessageID
    public let handler: HandlerID
    public let sentAt: Instant
    /// What became of it then.
    public let word: ReplayWord
    public let code: String
    public init(
        number: Int64, event: Event, queue: QueueName, message: MessageID, handler: HandlerID, sentAt: Instant,
        word: ReplayWord, code: String
    ) {
        self.number = number
        self.event = event
        self.queue = queue
        self.message = message
        self.handler = handler
        self.sentAt = sentAt
        self.word = word
        self.code = code
    }
}

/// What a run came to.
public enum ReplayWord: String, Sendable, CaseIterable {
    case done, retry, reject, wait
    /// It crashed, or did not answer in time.
    case failed
    /// It was not run: the ledger did not let it, or its handler is none that can run it so.
    case skipped
}

/// Some of what was asked for.
public struct RecordedPage: Sendable {
    public var events: [RecordedEvent] = []
    /// Rows that would have been given, had the journal kept their payloads.
    public var withoutPayload = 0
    /// Go on behind this row; `nil` where there is nothing more.
    public var next: Int64?
    public init() {}
}

public protocol EventRecords: Sendable {
    /// The last word on each event, in the order of the journal. Throws `store.unavailable`.
    func page(_ query: ReplayQuery, atMost count: Int) async throws(Failure) -> RecordedPage
}

/// Runs events in their handlers for show: under the same deadline and in the same sandbox, but no service is called,
/// and what an outcome holds is nobody's to commit.
public protocol Rehearsal: Sendable {
    func rehearse(_ batch: Batch) async throws(Failure) -> [Outcome]
}

/// A handler of the generation that serves, as a replay needs it.
public struct ReplayStage: Sendable {
    public let generation: Int
    public let keys: any BusinessKeys
    /// A run takes no longer.
    public let deadline: Duration
    public init(generation: Int, keys: any BusinessKeys, deadline: Duration) {
        self.generation = generation
        self.keys = keys
        self.deadline = deadline
    }
}

/// What became of one event.
public struct ReplayedEvent: Sendable {
    public let recorded: RecordedEvent
    public let word: ReplayWord
    /// The handler's own, or a failure's.
    public var code = ""
    public var cause = ""
    /// What it wrote, published and set, committed or not.
    public var effects = Effects.none
    public var isApplied = false
    public init(_ recorded: RecordedEvent, _ word: ReplayWord) {
        self.recorded = recorded
        self.word = word
    }

    /// It came to another end than it did then.
    public var differs: Bool { word != .skipped && word != recorded.word }
}

/// What came of a request.
public struct ReplayReport: Sendable {
    public var events: [ReplayedEvent] = []
    public var withoutPayload = 0
    /// Go on behind this row; `nil` when all were replayed.
    public var next: Int64?
    public init() {}
}

extension ReplayWord {
    /// What a run came to, from its row of the journal.
    public init?(_ outcome: JournalEntry.Outcome, code: String) {
        switch (outcome, FailureCode(rawValue: code)) {
        case (.done, _): self = .done
        case (.retry, .handleCrashed?), (.dead, .handleCrashed?): self = .failed
        case (.retry, _): self = .retry
        case (.dead, .handleRejected?): self = .reject
        case (.dead, .handleWaiting?): self = .wait
        case (.dead, _): self = .retry
        default: return nil
        }
    }
}

extension ReplayedEvent {
    init(_ recorded: RecordedEvent, _ outcome: Outcome) {
        switch outcome {
        case .done(let effects):
            self.init(recorded, .done)
            self.effects = effects
        case .retry(_, let reason): self.init(recorded, .retry, reason)
        case .reject(let reason): self.init(recorded, .reject, reason)
        case .wait(_, let reason): self.init(recorded, .wait, reason)
        case .unanswered: self.init(recorded, .failed, Reason(code: "unanswered", detail: "no answer in time"))
        case .suspect: self.init(recorded, .failed, Failure(.handleCrashed))
        case .struck(let failure): self.init(recorded, .failed, failure)
        }
    }

    private init(_ recorded: RecordedEvent, _ word: ReplayWord, _ reason: Reason) {
        self.init(recorded, word)
        (code, cause) = (reason.code, reason.detail)
    }

    init(_ recorded: RecordedEvent, _ word: ReplayWord, _ failure: Failure) {
        self.init(recorded, word)
        (code, cause) = (failure.code.rawValue, failure.cause)
    }
}
