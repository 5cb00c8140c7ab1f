public import Events

/// What somebody wants to see of the journal. All that is given must hold.
public struct JournalQuery: Sendable, Hashable {
    public var correlationID: String?
    /// The id of an event, or the queue's id of a message.
    public var event: String?
    /// The id of an event: rows of what its handler published, under whichever correlation.
    public var parent: String?
    public var resource: String?
    public var userID: String?
    public var source: String?
    public var detailType: String?
    public var outcome: JournalEntry.Outcome?
    public var since: Instant?
    public var until: Instant?
    /// Rows behind this number, in ascending order: the cursor of a page, and of a stream.
    public var after: Int64 = 0
    /// At most ``Limits/journalPage``.
    public var atMost = 100
    public var withBodies = false

    public init() {}
}

/// Reads the journal beside its writer, whom it never keeps waiting.
public protocol JournalReader: Sendable {
    /// Rows in the order of their numbers. Throws `store.unavailable`.
    func rows(_ query: JournalQuery) async throws(Failure) -> [JournalRow]
    /// The number of the newest row, 0 before the first.
    func newest() async throws(Failure) -> Int64
    /// An element soon after each commit that appended rows, several folded into one. For one consumer, who gets a
    /// stream of its own; it ends with the store, or when the consumer lets it go.
    func growth() -> AsyncStream<Void>
    /// What the ledger has of an event: one account for each consumer that met it. By the id alone.
    func accounts(of event: String) async throws(Failure) -> [LedgerAccount]
}

/// What the ledger has of an event.
public struct LedgerAccount: Sendable, Hashable {
    public enum State: String, Sendable, CaseIterable { case done, dead, retry, claimed }
    public var consumer: QueueName
    public var id: EventID
    public var handler: HandlerID
    public var state: State
    public var attempts: Int
    public var strikes: Int
    public var firstSeen: Instant
    /// Until when a repeat is recognised.
    public var keepUntil: Instant
    /// The last failure.
    public var failure: Failure?
    /// Until when an operator lets it run once more.
    public var permittedUntil: Instant?
    public init(
        consumer: QueueName, id: EventID, handler: HandlerID, state: State, attempts: Int, strikes: Int,
        firstSeen: Instant, keepUntil: Instant, failure: Failure?
    ) {
        self.consumer = consumer
        self.id = id
        self.handler = handler
        self.state = state
        self.attempts = attempts
        self.strikes = strikes
        self.firstSeen = firstSeen
        self.keepUntil = keepUntil
        self.failure = failure
    }
}
