/// One row of the journal, without its place in the chain: what happened to one event, once.
public struct JournalEntry: Sendable, Hashable {
    public enum Kind: String, Sendable, CaseIterable {
        /// One run of a verified event, or its recognition as a duplicate.
        case event
        /// A message that was never verified.
        case refusal
        /// A step of an event that we publish: accepted, sent, given up.
        case publication
        /// A decision on a handler's second build.
        case trial
        /// What an operator did with a dead letter, or with what stands behind it.
        case letter
    }
    public enum Direction: String, Sendable, CaseIterable { case incoming = "in", outgoing = "out" }
    public enum Outcome: String, Sendable, CaseIterable {
        case done, duplicate, retry, dead, refused, accepted, sent, gaveUp = "gave-up"
        /// What was decided of a handler's second build.
        case promoted, rolledBack = "rolled-back"
        /// What was done with a dead letter.
        case redriven, edited, discarded
        /// An operator's word: this event may run once more; this FIFO group stands behind no event any more.
        case permitted, freed
    }

    /// When the row was committed.
    public var time: Instant
    public var kind: Kind
    public var direction: Direction
    /// The consumer; empty for what we publish.
    public var queue = ""
    /// The queue's own id of the message; empty for what we publish.
    public var message = ""
    /// Issuer and id of an event. A refused message has neither.
    public var issuer = ""
    public var event = ""
    /// The event whose handler published this one; of a duplicate, the event that was done.
    public var parent = ""
    /// Of a publication, the event whose handler published it; empty for any other row.
    public var publisher: String { kind == .publication ? parent : "" }
    public var correlationID = ""
    public var resource = ""
    public var source = ""
    public var detailType = ""
    public var tenantID = ""
    public var userID = ""
    /// The key that verified it.
    public var keyID = ""
    /// Where it failed: the area of `code`; empty where nothing did.
    public var stage = ""
    public var outcome: Outcome
    public var code = ""
    /// Why, in words that are safe to show: a failure's cause, never payload.
    public var cause = ""
    public var handler = ""
    public var generation = 0
    public var attempt = 0
    /// How often the queue had given it to anybody.
    public var deliveries = 0
    /// When the queue had it; of what we publish, when it was committed.
    public var sentAt: Instant?
    /// From the receive to the handler.
    public var waited: Duration?
    /// From the handler to its answer.
    public var took: Duration?
    /// When it is tried again, where it waits.
    public var retryAt: Instant?
    /// SHA-256 of the payload, where there is a verified one.
    public var payload: Digest?

    public init(time: Instant, kind: Kind, direction: Direction, outcome: Outcome) {
        self.time = time
        self.kind = kind
        self.direction = direction
        self.outcome = outcome
    }
}

/// A journal row in its place.
public struct JournalRow: Sendable, Hashable {
    /// Ascending over the life of the store, without gaps.
    public let number: Int64
    /// The boot of the writer; store id and boot name one chain.
    public let boot: Int64
    public let entry: JournalEntry
    /// SHA-256 over the hash before and this row.
    public let hash: Digest
    /// The payload itself, where the settings keep it and it was asked for.
    public var body: Bytes?

    public init(number: Int64, boot: Int64, entry: JournalEntry, hash: Digest, body: Bytes? = nil) {
        self.number = number
        self.boot = boot
        self.entry = entry
        self.hash = hash
        self.body = body
    }
}
