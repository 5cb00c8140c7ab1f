public import Events
public import Pipeline

/// What a row of the journal has: an entry has it, and so has the end of a run, of which the row is written from where
/// its texts lie.
public protocol JournalFields {
    var time: Instant { get }
    var kind: JournalEntry.Kind { get }
    var direction: JournalEntry.Direction { get }
    var outcome: JournalEntry.Outcome { get }
    var queue: String { get }
    var message: String { get }
    var issuer: String { get }
    var event: String { get }
    var parent: String { get }
    var publisher: String { get }
    var correlationID: String { get }
    var resource: String { get }
    var source: String { get }
    var detailType: String { get }
    var tenantID: String { get }
    var userID: String { get }
    var keyID: String { get }
    var stage: String { get }
    var code: String { get }
    var cause: String { get }
    var handler: String { get }
    var generation: Int { get }
    var attempt: Int { get }
    var deliveries: Int { get }
    var sentAt: Instant? { get }
    var waited: Duration? { get }
    var took: Duration? { get }
    var retryAt: Instant? { get }
    var payload: Digest? { get }
}

extension JournalEntry: JournalFields {}

/// The end of a run: what both of its rows, the ledger's and the journal's, are written from.
public final class RunEnd: JournalFields, Sendable {
    public let claim: Claimed
    public let commitment: Commitment
    public let time: Instant
    public let outcome: JournalEntry.Outcome
    public let failure: Failure?
    /// What was done, where that is anything.
    public let effects: Effects?

    public init(_ commitment: Commitment, of claim: Claimed, at now: Instant) {
        self.claim = claim
        self.commitment = commitment
        time = now
        switch commitment.verdict {
        case .done(let effects):
            (outcome, failure) = (.done, nil)
            self.effects = effects.isNothing ? nil : effects
        case .retry(let failure):
            (outcome, self.failure, effects) = (.retry, failure, nil)
        case .dead(let failure, _, _):
            (outcome, self.failure, effects) = (.dead, failure, nil)
        }
    }

    /// A run that the ledger alone would have refused says so.
    private static let permitted = "permitted by override"

    public var kind: JournalEntry.Kind { .event }
    public var direction: JournalEntry.Direction { .incoming }
    public var queue: String { claim.consumer.text }
    public var message: String { claim.isTimer ? "" : claim.messageID.text }
    public var issuer: String { claim.event.id.issuer }
    public var event: String { claim.event.id.text }
    public var parent: String { "" }
    public var publisher: String { "" }
    public var correlationID: String { claim.event.trace.correlationID }
    public var resource: String { claim.event.resource }
    public var source: String { claim.event.source }
    public var detailType: String { claim.event.detailType }
    public var tenantID: String { claim.event.trace.tenantID }
    public var userID: String { claim.event.trace.userID }
    public var keyID: String { claim.event.keyID }
    public var stage: String { failure?.code.area ?? "" }
    public var code: String { failure?.code.rawValue ?? "" }
    public var cause: String {
        let cause = failure?.cause ?? ""
        guard claim.permit != nil else { return cause }
        return cause.isEmpty ? Self.permitted : "\(cause) (\(Self.permitted))"
    }
    public var handler: String { claim.handler.text }
    public var generation: Int { commitment.generation }
    public var attempt: Int { commitment.history.attempts }
    public var deliveries: Int { commitment.run.deliveries }
    public var sentAt: Instant? { claim.isTimer ? nil : claim.sentAt }
    public var waited: Duration? { commitment.run.waited }
    public var took: Duration? { commitment.run.took }
    public var retryAt: Instant? { commitment.run.retryAt }
    public var payload: Digest? { claim.event.payloadDigest }
}

extension Effects {
    fileprivate var isNothing: Bool { reads.isEmpty && writes.isEmpty && drafts.isEmpty && timers.isEmpty }
}

extension JournalEntry {
    /// The end of a run, as a value of its own.
    public init(_ commitment: Commitment, of claim: Claimed, at now: Instant) {
        let end = RunEnd(commitment, of: claim, at: now)
        self.init(time: end.time, kind: end.kind, direction: end.direction, outcome: end.outcome)
        (queue, message, issuer, event) = (end.queue, end.message, end.issuer, end.event)
        (correlationID, resource, source, detailType) = (end.correlationID, end.resource, end.source, end.detailType)
        (tenantID, userID, keyID) = (end.tenantID, end.userID, end.keyID)
        (stage, code, cause, handler) = (end.stage, end.code, end.cause, end.handler)
        (generation, attempt, deliveries) = (end.generation, end.attempt, end.deliveries)
        (sentAt, waited, took, retryAt) = (end.sentAt, end.waited, end.took, end.retryAt)
        payload = end.payload
    }
}
