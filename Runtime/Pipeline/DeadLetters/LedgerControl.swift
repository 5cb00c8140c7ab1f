public import Events

// What operators do to the ledger, beside its stages.

/// An operator's word that an event may run once, although the ledger has it as done or dead, it conflicts with another
/// one, or it is too old. Used up by the commit of its run as done or dead.
public struct Permit: Sendable, Hashable {
    public let consumer: QueueName
    /// The event's id without its issuer, as journal and explanations name it.
    public let event: String
    public let until: Instant
    /// Its run is to be tried again, and the event's row has the count.
    public let isBegun: Bool
    public init(consumer: QueueName, event: String, until: Instant, isBegun: Bool = false) {
        self.consumer = consumer
        self.event = event
        self.until = until
        self.isBegun = isBegun
    }
}

/// A FIFO group that stands behind an event which failed for good: see ``Commitment/Verdict/dead(_:shelved:parks:)``.
public struct ParkedGroup: Sendable, Hashable {
    public let consumer: QueueName
    public let group: String
    public let event: EventID
    public let since: Instant
    public init(consumer: QueueName, group: String, event: EventID, since: Instant) {
        self.consumer = consumer
        self.group = group
        self.event = event
        self.since = since
    }
}

/// Each change is durable when the call returns, together with its row of the journal. Throws `store.*`: nothing was
/// changed.
public protocol LedgerControl: Sendable {
    /// Replaces what was permitted for these events before; one whose time is over takes it back.
    func permit(_ permits: [Permit], _ entries: [JournalEntry]) async throws(Failure)
    /// Those that hold now for an event of this id, one for each consumer.
    func permits(for event: String, at now: Instant) async throws(Failure) -> [Permit]
    /// Of all consumers, the oldest first.
    func parkedGroups(at now: Instant) async throws(Failure) -> [ParkedGroup]
    /// False if it was not parked: then nothing is written.
    func free(_ group: String, of consumer: QueueName, _ entry: JournalEntry) async throws(Failure) -> Bool
}
