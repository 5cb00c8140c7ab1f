/// A committed event on its way to the bus: one row of the outbox.
///
/// Its `id` was fixed at commit and becomes the signed `jti`; the token is made when the relay sends it.
public struct Publication: Hashable, Sendable {
    /// The outbox row: ascending in the order of commit.
    public let row: Int64
    /// The signed id: derived from the parent's id, the handler's id and the order of publishing.
    public let id: String
    public let draft: Draft
    /// The id of the event whose handler published it, for the dead letter and for explain.
    public let parent: String
    public let trace: Event.Trace
    public let committedAt: Instant
    public let attempts: Int

    public init(
        row: Int64, id: String, draft: Draft, parent: String, trace: Event.Trace, committedAt: Instant,
        attempts: Int
    ) {
        self.row = row
        self.id = id
        self.draft = draft
        self.parent = parent
        self.trace = trace
        self.committedAt = committedAt
        self.attempts = attempts
    }
}

/// A refused or failed message on its way to the dead-letter queue: the body unchanged, the whole failure beside it.
public struct DeadLetter: Sendable {
    public let body: Bytes
    public let attributes: [Attribute]
    /// JSON of at most ``Limits/failureAttributeBytes``, the value of the attribute `outrigger-failure`.
    public let failure: String
    /// The form of `failure` that is sent where body and attributes exceed what the target takes: code and id alone.
    public let shortFailure: String
    public let group: String?
    /// FIFO targets: hash of source queue and message id, so that a repeated send is one letter.
    public let deduplicationID: String
    public init(
        body: Bytes, attributes: [Attribute], failure: String, shortFailure: String, group: String?,
        deduplicationID: String
    ) {
        self.body = body
        self.attributes = attributes
        self.failure = failure
        self.shortFailure = shortFailure
        self.group = group
        self.deduplicationID = deduplicationID
    }
}
