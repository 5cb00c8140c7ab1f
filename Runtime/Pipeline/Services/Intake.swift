public import Events

/// Events that the service next door hands in, each already allowed, valid and in canonical form.
public struct Submission: Sendable {
    public struct Entry: Sendable {
        /// Becomes the signed `jti`.
        public let id: String
        public let draft: Draft
        public let trace: Event.Trace
        public init(id: String, draft: Draft, trace: Event.Trace) {
            self.id = id
            self.draft = draft
            self.trace = trace
        }
    }
    /// Who hands them in: the name of its grant. Scopes the key.
    public let peer: String
    /// The caller's own name for this request, or `nil`.
    public let idempotencyKey: String?
    /// SHA-256 of what was asked for, in canonical form: one key with another digest is a conflict.
    public let digest: Digest
    public let entries: [Entry]
    /// Until when the key is remembered.
    public let keepUntil: Instant
    public init(peer: String, idempotencyKey: String?, digest: Digest, entries: [Entry], keepUntil: Instant) {
        self.peer = peer
        self.idempotencyKey = idempotencyKey
        self.digest = digest
        self.entries = entries
        self.keepUntil = keepUntil
    }
}

/// The way into the outbox from outside.
public protocol Intake: Sendable {
    /// All entries in one transaction, with the key; returns the ids when they are durable. The same key and digest
    /// again is answered with the ids of the first time.
    /// Throws `api.conflict` for a key with another digest, `publish.outbox-full`, and `store.*`: nothing was taken.
    func submit(_ submission: Submission, at now: Instant) async throws(Failure) -> [String]
}
