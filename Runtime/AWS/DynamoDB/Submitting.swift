public import Events
public import Pipeline
import StoreCommon
import Synchronization

// Events from the service next door: all of a request in one transaction, with the name that it has.

extension DynamoDBStore: Intake {
    /// Throws `api.too-large` for more than one transaction takes: some 48 events, or 3.9 MB.
    public func submit(_ submission: Submission, at now: Instant) async throws(Failure) -> [String] {
        try await makeRoom(for: submission)
        var unit = CommitUnit()
        if let key = submission.idempotencyKey {
            var item = Item(TableLayout.submission(key, of: submission.peer))
            item["digest"] = .digest(submission.digest)
            item["ids"] = .bytes(TextList.encode(submission.entries.map(\.id)))
            item["keepUntil"] = .instant(submission.keepUntil)
            item["ttl"] = .timeToLive(submission.keepUntil)
            unit.add(.put(item, if: .absent || Condition("#keepUntil <= :now", [":now": .instant(now)])), .fresh)
        }
        for entry in submission.entries {
            unit.entries.append(
                OutboxEntry(
                    id: entry.id, parent: "", handler: "", draft: entry.draft, trace: entry.trace, committedAt: now))
            unit.lines.append(
                JournalLine(
                    entry: JournalEntry(accepted: entry, at: now),
                    body: options.keepsPayloads ? entry.draft.detail : nil))
        }
        if let excess = unit.excess { throw Failure(.apiTooLarge, "events", excess) }
        switch await lane.commit([unit]).first {
        case .taken(let item?):
            guard item.digest("digest") == submission.digest else {
                throw Failure(.apiConflict, "Idempotency-Key", "it names another request")
            }
            return TextList.decode(item.bytes("ids"))
        case .failed(let failure): throw failure
        case .refused(let why): throw Failure(.apiTooLarge, "events", why)
        case .committed: return submission.entries.map(\.id)
        default: throw Failure(.storeUnavailable, options.table, "the request was not taken")
        }
    }

    /// Takes effect with the next submission.
    public func limitOutbox(_ limits: OutboxLimits) async { memory.withLock { $0.outboxLimits = limits } }

    private func makeRoom(for submission: Submission) async throws(Failure) {
        let limits = memory.withLock { $0.outboxLimits }
        let depth = try await depth()
        let bytes = submission.entries.reduce(depth.bytes) { $0 + $1.draft.size }
        guard depth.rows + submission.entries.count <= limits.rows, bytes <= limits.bytes else {
            throw Failure(.publishOutboxFull, "outbox", "\(depth.rows) events wait for the bus")
        }
    }
}
