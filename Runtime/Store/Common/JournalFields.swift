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
public final class RunEnd: Sendable {
    public let claim: Claimed
    public let commitment: Commitment
    public let time: Instant
    public let outcome: JournalEntry.Outcome
    public let failure: Failure?
    /// What was done, where that is anything.
    public let effects: Effects?

    public init(_ commitment: consuming Commitment, of claim: Claimed, at now: Instant) {
        self.claim = claim
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
        self.commitment = commitment
    }
}

/// What the journal says of a run's end. All that has texts is at hand here: what is read from its own constants is not
/// retained on its way into a row.
public struct RunFields: JournalFields {
    private let end: RunEnd
    private let claim: Claimed
    private let request: ClaimRequest
    private let subject: Event

    public init(_ end: RunEnd) {
        self.end = end
        claim = end.claim
        request = claim.request
        subject = request.event
    }

    /// A run that the ledger alone would have refused says so.
    private static let permitted = "permitted by override"

    public var time: Instant { end.time }
    public var outcome: JournalEntry.Outcome { end.outcome }
    public var kind: JournalEntry.Kind { .event }
    public var direction: JournalEntry.Direction { .incoming }
    public var queue: String { request.consumer.text }
    public var message: String { claim.isTimer ? "" : request.messageID.text }
    public var issuer: String { subject.id.issuer }
    public var event: String { subject.id.text }
    public var parent: String { "" }
    public var publisher: String { "" }
    public var correlationID: String { subject.trace.correlationID }
    public var resource: String { subject.resource }
    public var source: String { subject.source }
    public var detailType: String { subject.detailType }
    public var tenantID: String { subject.trace.tenantID }
    public var userID: String { subject.trace.userID }
    public var keyID: String { subject.keyID }
    public var stage: String { end.failure?.code.area ?? "" }
    public var code: String { end.failure?.code.rawValue ?? "" }
    public var cause: String {
        let cause = end.failure?.cause ?? ""
        guard claim.permit != nil else { return cause }
        return cause.isEmpty ? Self.permitted : "\(cause) (\(Self.permitted))"
    }
    public var handler: String { request.handler.text }
    public var generation: Int { end.commitment.generation }
    public var attempt: Int { end.commitment.history.attempts }
    public var deliveries: Int { end.commitment.run.deliveries }
    public var sentAt: Instant? { claim.isTimer ? nil : request.sentAt }
    public var waited: Duration? { end.commitment.run.waited }
    public var took: Duration? { end.commitment.run.took }
    public var retryAt: Instant? { end.commitment.run.retryAt }
    public var payload: Digest? { subject.payloadDigest }
}

extension JournalEntry {
    /// The end of a run, as a value of its own.
    public init(_ commitment: Commitment, of claim: Claimed, at now: Instant) {
        let end = RunFields(RunEnd(commitment, of: claim, at: now))
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
