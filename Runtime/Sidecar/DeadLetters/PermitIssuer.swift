import Events
import LocalAPI
import Pipeline

/// Lets the events of messages run once more. A message is verified first: so the permit is for exactly the event that
/// the pipeline will see, and no stranger's bytes get one.
struct PermitIssuer: Sendable {
    let verifier: any Verifier
    let ledger: any LedgerControl
    /// Knows what was permitted since an order was given: of several letters of one event one gets a permit.
    let journal: any JournalReader
    let clock: any WallClock

    /// Durable when it returns; `verify.*` for a message that is not verified.
    func permit(
        _ bodies: [Bytes], of queue: QueueName, ordered order: Instant, by author: LetterAuthor
    ) async throws(Failure) -> [Result<Permit, Failure>] {
        let now = clock.now
        let envelopes = bodies.map { body in
            Envelope(
                messageID: MessageID(""), receipt: ReceiptHandle(""), body: body, sentAt: now, firstReceivedAt: now)
        }
        let verdicts = await verifier.verify(envelopes)
        var fresh: [Event] = []
        for case .success(let event) in verdicts where !fresh.contains(where: { $0.id == event.id }) {
            if try await !wasPermitted(event, of: queue, since: order) { fresh.append(event) }
        }
        let until = now + Limits.permit
        if !fresh.isEmpty {
            try await ledger.permit(
                fresh.map { Permit(consumer: queue, event: $0.id.text, until: until) },
                fresh.map { entry(for: $0, of: queue, by: author, at: now) })
        }
        return verdicts.map { verdict in
            verdict.map { Permit(consumer: queue, event: $0.id.text, until: until) }
        }
    }

    private func wasPermitted(
        _ event: Event, of queue: QueueName, since order: Instant
    ) async throws(Failure) -> Bool {
        var query = JournalQuery()
        (query.event, query.outcome, query.since) = (event.id.text, .permitted, order)
        return try await journal.rows(query).contains { $0.entry.queue == queue.text }
    }

    private func entry(
        for event: Event, of queue: QueueName, by author: LetterAuthor, at now: Instant
    ) -> JournalEntry {
        var entry = JournalEntry(time: now, kind: .letter, direction: .incoming, outcome: .permitted)
        entry.queue = queue.text
        (entry.issuer, entry.event, entry.keyID) = (event.id.issuer, event.id.text, event.keyID)
        (entry.source, entry.detailType, entry.resource) = (event.source, event.detailType, event.resource)
        (entry.correlationID, entry.tenantID) = (event.trace.correlationID, event.trace.tenantID)
        (entry.userID, entry.payload) = (event.trace.userID, event.payloadDigest)
        entry.cause = author.words
        return entry
    }
}

extension LetterAuthor {
    /// Who and why, as the journal has it.
    var words: String { reason.isEmpty ? "by \(name)" : "by \(name): \(reason)" }
}
