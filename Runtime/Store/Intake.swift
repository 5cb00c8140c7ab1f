public import Events
public import Pipeline
import StoreCommon

extension Tables {
    /// Takes all entries, with the name of the request, or answers it as the first time.
    func submit(
        _ submission: Submission, _ limits: OutboxLimits, keepsPayload: Bool, at now: Instant
    ) throws -> Result<[String], Failure> {
        if let key = submission.idempotencyKey {
            let found = try first(
                "SELECT digest, ids, keep_until FROM submissions WHERE key = ? AND peer = ?",
                [.text(key), .text(submission.peer)]
            ) { (digest: $0.digest(0), ids: TextList.decode($0.bytes(1)), keepUntil: $0.instant(2)) }
            if let found, found.keepUntil > now {
                guard found.digest == submission.digest else {
                    return .failure(Failure(.apiConflict, "Idempotency-Key", "it names another request"))
                }
                return .success(found.ids)
            }
            guard found != nil || counters.statistics.submissions < Limits.idempotencyKeys else {
                return .failure(Failure(.apiThrottled, "Idempotency-Key", "more are remembered than can be"))
            }
        }
        let rows = counters.statistics.outbox + submission.entries.count
        let bytes = submission.entries.reduce(counters.outboxBytes) { $0 + $1.draft.size }
        guard rows <= limits.rows, bytes <= limits.bytes else {
            return .failure(
                Failure(.publishOutboxFull, "outbox", "\(counters.statistics.outbox) events wait for the bus"))
        }
        for entry in submission.entries { try take(entry, keepsPayload: keepsPayload, at: now) }
        try remember(submission)
        return .success(submission.entries.map(\.id))
    }

    private func take(_ entry: Submission.Entry, keepsPayload: Bool, at now: Instant) throws {
        let draft = entry.draft
        try enqueue(draft, id: entry.id, parent: "", handler: "", entry.trace, at: now)
        try append(JournalEntry(accepted: entry, at: now), body: keepsPayload ? draft.detail : nil)
    }

    private func remember(_ submission: Submission) throws {
        guard let key = submission.idempotencyKey else { return }
        let identity = [Value.text(key), .text(submission.peer)]
        counters.statistics.submissions -= try change(
            "DELETE FROM submissions WHERE key = ? AND peer = ?", identity)
        try run(
            "INSERT INTO submissions (key, peer, digest, ids, keep_until) VALUES (?, ?, ?, ?, ?)",
            identity + [
                .digest(submission.digest), .bytes(TextList.encode(submission.entries.map(\.id))),
                .instant(submission.keepUntil),
            ])
        counters.statistics.submissions += 1
    }
}

extension SQLiteStore: Intake {
    /// Where the store may end with its pod, the answer waits until the bus has them all; there it may also throw why
    /// one was given up, `publish.*`, and for a cancelled task `store.unavailable`: then they were taken.
    public func submit(_ submission: Submission, at now: Instant) async throws(Failure) -> [String] {
        let ids = try await core.submit(submission, at: now)
        guard options.durability == .ephemeral else { return ids }
        if let failure = await sent(ids) { throw failure }
        return ids
    }

    /// Takes effect with the next submission.
    public func limitOutbox(_ limits: OutboxLimits) async { await core.limitOutbox(limits) }
}
