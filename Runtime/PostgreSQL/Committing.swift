public import Events
public import Pipeline
import StoreCommon
import Synchronization

// The end of runs. Each commitment is a part of a transaction: its first statement says whether it counts, the others
// ask for that and do nothing where it was lost.

extension PostgreSQLStore: Ledger {
    public func commit(_ commitments: [Commitment], at now: Instant) async throws(Failure) -> [CommitResult] {
        var results = [CommitResult](repeating: .lostClaim, count: commitments.count)
        var parts: [Part] = []
        var places: [Int] = []
        var written: [StateKey: UInt64] = [:]
        for (index, commitment) in commitments.enumerated() {
            let fence = commitment.lease.fence
            let (known, isCommitted) = book.withLock { ($0[fence], $0.isCommitted(fence)) }
            guard let claim = known else {
                if isCommitted { results[index] = .committed }
                continue
            }
            if case .done(let effects) = commitment.verdict, let refusal = effects.refusal(of: claim.handler) {
                results[index] = .refused(refusal)
                continue
            }
            let writes = prepare(commitment, of: claim, at: now)
            for write in writes {
                written[StateKey(handler: claim.handler, key: write.key)] = UInt64(bitPattern: write.version)
            }
            places.append(index)
            parts.append(part(commitment, of: claim, writes, at: now))
        }
        defer { forget(written) }
        for (index, answer) in zip(places, try await writer.perform(parts)) {
            results[index] = result(of: commitments[index], answer)
        }
        return results
    }

    private func result(of commitment: Commitment, _ answer: Writer.Answer) -> CommitResult {
        let fence = commitment.lease.fence
        switch answer {
        case .success(let rows):
            switch rows.first?.integer(0) {
            case 0:
                book.withLock { $0.conclude(fence) }
                return .committed
            case 2: return .lostState
            default:
                book.withLock { $0.remove(fence) }
                return .lostClaim
            }
        case .failure(let refusal):
            let handler = book.withLock { $0[fence]?.handler.text } ?? ""
            return .refused(Failure(.handleTooLarge, handler, "PostgreSQL \(refusal.state): \(refusal.message)"))
        }
    }

    public func refuse(_ refusals: [Refusal], at now: Instant) async throws(Failure) {
        let parts = refusals.map { refusal in
            let failure = refusal.failure
            let mark = mark()
            var part = Part(
                locks: [LockKeys.key(options.schema, "refusal", refusal.consumer.text, refusal.messageID.text)],
                rings: .journal)
            part.decision = Statement(
                "SELECT refuse($1, $2, $3, $4, $5, $6, $7, $8)",
                [
                    mark, .text(refusal.consumer.text), .text(refusal.messageID.text), .text(failure.code.rawValue),
                    .text(failure.subject), .text(failure.cause), .instant(now), .instant(refusal.keepUntil),
                ])
            // Of a message that was refused before the letter may be newer.
            if let letter = refusal.shelved {
                part.effects.append(shelve(letter, refusal.consumer, refusal.messageID, Self.unmarked, at: now))
            }
            let body = refusal.verified?.event.detail ?? refusal.body
            part.effects.append(append(JournalEntry(refusal, at: now), mark, body))
            return part
        }
        for answer in try await writer.perform(parts) { _ = try require(answer) }
    }

    /// Names a part in its transaction.
    func mark() -> Value { .integer(book.withLock { $0.nextNumber() }) }
    /// Of what hangs on nothing.
    static let unmarked = Value.integer(0)

    /// The rows of a part whose values must be fit.
    func require(_ answer: Writer.Answer) throws(Failure) -> [Row] {
        do throws(ServerFailure) { return try answer.get() } catch {
            throw Failure(.storeUnavailable, "postgresql", "\(error.message) (\(error.state))")
        }
    }

    // MARK: - state

    struct PreparedWrite {
        let key: Bytes
        let value: Bytes?
        let version: Int64
        let expires: Instant?
    }

    /// Gives the writes of a run their versions, and shows them to whoever reads from now on. Of several to one key
    /// the last one counts.
    private func prepare(_ commitment: Commitment, of claim: Claimed, at now: Instant) -> [PreparedWrite] {
        guard case .done(let effects) = commitment.verdict, !effects.writes.isEmpty else { return [] }
        var last: [Bytes: PreparedWrite] = [:]
        book.withLock { book in
            for write in effects.writes {
                last[write.key] = PreparedWrite(
                    key: write.key, value: write.value, version: book.nextNumber(), expires: write.expires(from: now))
            }
        }
        pendingState.withLock { pending in
            for write in last.values {
                pending[StateKey(handler: claim.handler, key: write.key)] = PendingValue(
                    value: write.value, version: UInt64(bitPattern: write.version), expires: write.expires)
            }
        }
        return Array(last.values)
    }

    /// What was written is in the database now, or gone: who saw what is gone loses at its commit.
    private func forget(_ written: [StateKey: UInt64]) {
        guard !written.isEmpty else { return }
        pendingState.withLock { pending in
            for (key, version) in written where pending[key]?.version == version { pending[key] = nil }
        }
    }

    // MARK: - statements

    private func part(
        _ commitment: Commitment, of claim: Claimed, _ writes: [PreparedWrite], at now: Instant
    ) -> Part {
        let mark = mark()
        var part = Part(locks: LockKeys.identities(of: claim, in: options.schema), rings: .journal)
        part.decision = finish(commitment, of: claim, mark, at: now)
        switch commitment.verdict {
        case .done(let effects):
            add(effects, writes, of: claim, fence: commitment.lease.fence, mark, to: &part, at: now)
        case .retry: break
        case .dead(_, let letter, _):
            if let letter { part.effects.append(shelve(letter, claim.consumer, claim.messageID, mark, at: now)) }
        }
        part.effects.append(append(JournalEntry(commitment, of: claim, at: now), mark, claim.payload))
        return part
    }

    private func add(
        _ effects: Effects, _ writes: [PreparedWrite], of claim: Claimed, fence: UInt64, _ mark: Value,
        to part: inout Part, at now: Instant
    ) {
        let seen = effects.reads.map { ($0.key, $0.version) }
            + effects.writes.compactMap { write in write.expected.map { (write.key, $0) } }
        part.seen = Set(seen.map { StateKey(handler: claim.handler, key: $0.0) })
        part.written = Set(writes.map { StateKey(handler: claim.handler, key: $0.key) })
        part.locks += part.seen.union(part.written).map { LockKeys.state($0.key, of: claim.handler) }
        part.looks = seen.map { key, version in
            .row(
                "SELECT see_state($1, $2, $3, $4, $5)",
                [mark, .text(claim.handler.text), .bytes(key), .bits(version), .instant(now)])
        }
        for write in writes {
            part.effects.append(
                .row(
                    "SELECT write_state($1, $2, $3, $4, $5, $6)",
                    [
                        mark, .text(claim.handler.text), .bytes(write.key), .integer(write.version),
                        .optional(write.expires), write.value.map(Value.bytes) ?? .null,
                    ]))
        }
        for (ordinal, draft) in effects.drafts.enumerated() {
            let id = DerivedID.publication(parent: claim.id, handler: claim.handler, ordinal: ordinal)
            part.locks.append(LockKeys.resource(draft.resource))
            part.effects.append(
                enqueue(draft, id, parent: claim.id.text, claim.handler.text, claim.trace, mark, at: now))
            part.rings.formUnion(.outbox)
        }
        for timer in effects.timers {
            part.locks.append(LockKeys.timer(timer.key, of: claim.handler))
            part.effects.append(change(timer, of: claim, fence: fence, mark))
            part.rings.formUnion(.timers)
        }
    }

    private func finish(
        _ commitment: Commitment, of claim: Claimed, _ mark: Value, at now: Instant
    ) -> Statement {
        var (state, failure, parks) = (Known.State.done, Failure?.none, false)
        switch commitment.verdict {
        case .done: break
        case .retry(let why): (state, failure) = (.retry, why)
        case .dead(let why, _, let isParking): (state, failure, parks) = (.dead, why, isParking)
        }
        let history = commitment.history
        return .row(
            """
            SELECT finish($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
            $21, $22, $23, $24, $25, $26, $27, $28, $29, $30)
            """,
            [
                mark, .bits(commitment.lease.fence), .text(claim.consumer.text), .text(claim.id.issuer),
                .text(claim.id.text), .optional(claim.tokenDigest), .text(claim.handler.text),
                .optional(claim.businessKey), .digest(claim.payloadDigest), .text(claim.source),
                .text(claim.detailType), .text(claim.resource), .text(claim.messageID.text),
                claim.row.map(Value.integer) ?? .null, .integer(state.rawValue), .number(history.attempts),
                .text(history.spent.counts), .number(history.strikes), .instant(history.firstSeen),
                .optional(failure?.code.rawValue), .optional(failure?.subject), .optional(failure?.cause),
                .instant(commitment.keepUntil), .number(commitment.generation), .flag(claim.isTimer),
                .optional(claim.group), .flag(parks && claim.group != nil), .flag(claim.wasDone),
                .optional(claim.permit?.until), .instant(now),
            ])
    }

    func shelve(
        _ letter: DeadLetter, _ queue: QueueName, _ message: MessageID, _ mark: Value, at now: Instant
    ) -> Statement {
        Statement(
            "SELECT shelve($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            [
                mark, .text(queue.text), .text(message.text), .instant(now), .text(letter.failure),
                .text(letter.shortFailure), .optional(letter.group), .text(letter.deduplicationID),
                .bytes(letter.attributes.encoded), .bytes(letter.body),
            ])
    }
}
