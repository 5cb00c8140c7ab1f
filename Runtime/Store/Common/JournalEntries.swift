import Cryptography
public import Events
public import Pipeline

// What the journal says of claims, refusals and publications: the same words in every store.

extension JournalEntry {
    /// An event from outside has an id and waits for the bus.
    public init(accepted entry: Submission.Entry, at now: Instant) {
        let draft = entry.draft
        self.init(time: now, kind: .publication, direction: .outgoing, outcome: .accepted)
        event = entry.id
        source = draft.source
        detailType = draft.detailType
        resource = draft.resource
        sentAt = now
        payload = Hash.sha256(draft.detail)
        take(entry.trace)
        if !draft.correlationID.isEmpty { correlationID = draft.correlationID }
    }

    /// The event was done before, as `original`.
    public init(duplicate request: ClaimRequest, of original: String, at now: Instant) {
        let event = request.event
        self.init(time: now, kind: .event, direction: .incoming, outcome: .duplicate)
        queue = request.consumer.text
        handler = request.handler.text
        if !event.isTimer {
            message = request.messageID.text
            sentAt = request.sentAt
            deliveries = request.deliveries
        }
        parent = original
        take(event)
    }

    public init(_ refusal: Refusal, at now: Instant) {
        self.init(
            time: now, kind: refusal.verified == nil ? .refusal : .event, direction: .incoming, outcome: .refused)
        queue = refusal.consumer.text
        if refusal.verified?.event.isTimer != true {
            message = refusal.messageID.text
            sentAt = refusal.sentAt
            deliveries = refusal.deliveries
        }
        if let verified = refusal.verified {
            handler = verified.handler?.text ?? ""
            generation = verified.generation
            attempt = verified.attempts
            take(verified.event)
        }
        take(refusal.failure)
    }

    private mutating func take(_ event: Event) {
        issuer = event.id.issuer
        self.event = event.id.text
        source = event.source
        detailType = event.detailType
        resource = event.resource
        keyID = event.keyID
        payload = event.payloadDigest
        take(event.trace)
    }

    public mutating func take(_ failure: Failure?) {
        guard let failure else { return }
        stage = failure.code.area
        code = failure.code.rawValue
        cause = failure.cause
    }

    public mutating func take(_ trace: Event.Trace) {
        correlationID = trace.correlationID
        tenantID = trace.tenantID
        userID = trace.userID
    }
}
