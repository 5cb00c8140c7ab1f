import Events
import GRDB
import Pipeline
import StoreCommon

/// Writes the calls of one transaction, each commitment in a savepoint of its own.
struct CommitWriter {
    /// Rows that one sweep removes from each table, about: some milliseconds, so that nobody waits long behind it.
    static let sweepRows = 1_000

    let tables: Tables
    let options: StoreOptions

    func perform(
        _ work: StoreCore.Work, claims: Claims, committed: CommittedFences
    ) throws -> StoreCore.Answer {
        switch work {
        case .commit(let entries):
            return .results(try entries.map { try perform($0, claims: claims, committed: committed) })
        case .refuse(let refusals, let now):
            for refusal in refusals {
                try tables.refuse(refusal, keepsBody: options.journal.keepsPayloads, at: now)
            }
        case .settle(let results, let now):
            for result in results { try tables.settle(result, keepsPayload: options.journal.keepsPayloads, at: now) }
        case .record(let entries): for entry in entries { try tables.record(entry) }
        case .seal(let head, let signature): try tables.seal(head, signature)
        case .submit(let submission, let limits, let now):
            return .submitted(try submit(submission, limits, at: now))
        case .unshelve(let letters): for letter in letters { try tables.unshelve(letter) }
        case .republish(let ids, let now): for id in ids { try tables.republish(id, at: now) }
        case .permit(let permits, let entries):
            for permit in permits { try tables.write(permit) }
            for entry in entries { try tables.append(entry) }
        case .free(let group, let consumer, let entry):
            return .count(try tables.free(group, of: consumer, entry))
        case .sweep(let now): return .count(try tables.sweep(atMost: Self.sweepRows, at: now))
        case .touch:
            try tables.run("UPDATE meta SET value = value WHERE key = 'boot'")
        }
        return .count(0)
    }

    private func perform(
        _ entry: StoreCore.Entry, claims: Claims, committed: CommittedFences
    ) throws -> CommitResult {
        guard let end = entry.end, let lease = claims[entry.fence] else {
            return committed.contains(entry.fence) ? .committed : .lostClaim
        }
        // One that is committed twice is written once.
        if lease.isWritten { return .committed }
        if let effects = end.effects {
            if let refusal = effects.refusal(of: end.claim.handler) { return .refused(refusal) }
            guard try tables.isCurrent(effects, of: end.claim.handler, at: end.time) else { return .lostState }
        }
        // Two rows of our own making: nothing in them can fail alone.
        if end.isPlain {
            try write(entry, end, lease.identities)
        } else {
            do { try tables.savepoint { try write(entry, end, lease.identities) } } catch let error as DatabaseError
            where Self.isOfTheRow(error) {
                let cause = "SQLite \(error.extendedResultCode.rawValue)"
                return .refused(Failure(.handleTooLarge, end.claim.handler.text, cause))
            }
        }
        lease.isWritten = true
        return .committed
    }

    /// True for an error that these values cause and others do not.
    private static func isOfTheRow(_ error: DatabaseError) -> Bool {
        [.SQLITE_TOOBIG, .SQLITE_CONSTRAINT, .SQLITE_MISMATCH].contains(error.resultCode)
    }

    private func write(_ entry: StoreCore.Entry, _ end: RunEnd, _ identities: Identities) throws {
        let (claim, now) = (end.claim, end.time)
        try tables.record(end, identities)
        if let permit = claim.permit { try tables.use(permit, by: end.commitment.verdict) }
        switch end.outcome {
        case .done:
            try tables.free(behind: claim)
            if claim.isTimer { try tables.removeTimer(of: claim.id) }
            if let effects = end.effects { try write(effects, entry, of: claim, at: now) }
        case .dead:
            if claim.isTimer { try tables.removeTimer(of: claim.id) }
            guard case .dead(_, let letter, let parks) = end.commitment.verdict else { break }
            if parks { try tables.park(claim, until: end.commitment.keepUntil, at: now) }
            if let letter {
                try tables.shelve(letter, queue: claim.consumer, message: claim.messageID, at: now)
            }
        default:
            if claim.isTimer { try tables.retryTimer(of: claim.id) }
        }
        try tables.append(end)
    }

    private func write(_ effects: Effects, _ entry: StoreCore.Entry, of claim: Claimed, at now: Instant) throws {
        for (write, version) in zip(effects.writes, entry.versions) {
            try tables.write(write, version: version, of: claim.handler, at: now)
        }
        for (ordinal, draft) in effects.drafts.enumerated() {
            try tables.enqueue(draft, ordinal: ordinal, of: claim, at: now)
        }
        for timer in effects.timers { try tables.change(timer, of: claim, fence: entry.fence) }
    }

    /// In a savepoint: of a submission everything is taken, or nothing.
    private func submit(
        _ submission: Submission, _ limits: OutboxLimits, at now: Instant
    ) throws -> Result<[String], Failure> {
        do {
            return try tables.savepoint {
                try tables.submit(submission, limits, keepsPayload: options.journal.keepsPayloads, at: now)
            }
        } catch let error as DatabaseError where Self.isOfTheRow(error) {
            return .failure(Failure(.apiTooLarge, "events", "SQLite \(error.extendedResultCode.rawValue)"))
        }
    }
}

extension RunEnd {
    /// Nothing but the ledger and the journal hears of it.
    fileprivate var isPlain: Bool {
        if claim.isTimer { return false }
        switch outcome {
        case .done:
            return effects.map { $0.writes.isEmpty && $0.drafts.isEmpty && $0.timers.isEmpty } ?? true
        case .dead: return false
        default: return true
        }
    }
}
