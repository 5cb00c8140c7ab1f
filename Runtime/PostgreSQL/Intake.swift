public import Events
public import Pipeline
import StoreCommon
import Synchronization

extension PostgreSQLStore: Intake {
    public func submit(_ submission: Submission, at now: Instant) async throws(Failure) -> [String] {
        let part = part(submission, outboxLimits.withLock { $0 }, at: now)
        let answer = try await writer.perform([part]).first ?? .success([])
        let rows: [Row]
        do throws(ServerFailure) { rows = try answer.get() } catch {
            throw Failure(.apiTooLarge, "events", "PostgreSQL \(error.state): \(error.message)")
        }
        guard let row = rows.first else { throw Failure(.storeUnavailable, "postgresql", "no answer") }
        switch row.integer(0) {
        case 0, 1: return TextList.decode(row.bytes(1))
        case 2: throw Failure(.apiConflict, "Idempotency-Key", "it names another request")
        case 3: throw Failure(.publishOutboxFull, "outbox", "\(row.integer(2)) events wait for the bus")
        default: throw Failure(.apiThrottled, "Idempotency-Key", "more are remembered than can be")
        }
    }

    /// Takes effect with the next submission.
    public func limitOutbox(_ limits: OutboxLimits) async { outboxLimits.withLock { $0 = limits } }

    private func part(_ submission: Submission, _ limits: OutboxLimits, at now: Instant) -> Part {
        let ids = submission.entries.map(\.id)
        let mark = mark()
        let bytes = submission.entries.reduce(0) { $0 + $1.draft.size }
        var part = Part(rings: [.outbox, .journal])
        if let key = submission.idempotencyKey {
            part.locks.append(LockKeys.key(options.schema, "submission", submission.peer, key))
        }
        part.decision = Statement(
            "SELECT answer, ids, waiting FROM submit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            [
                mark, .text(submission.peer), .optional(submission.idempotencyKey), .digest(submission.digest),
                .bytes(TextList.encode(ids)), .instant(submission.keepUntil), .instant(now), .number(ids.count),
                .number(bytes), .number(limits.rows), .number(limits.bytes), .number(Limits.idempotencyKeys),
            ])
        for entry in submission.entries {
            part.locks.append(LockKeys.resource(entry.draft.resource))
            part.effects.append(
                enqueue(entry.draft, entry.id, parent: "", "", entry.trace, mark, at: now))
            part.effects.append(append(JournalEntry(accepted: entry, at: now), mark, entry.draft.detail))
        }
        return part
    }
}
