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
    /// What became of each fence of this transaction, so that one that is committed twice is written once.
    private var results: [UInt64: CommitResult] = [:]

    init(tables: Tables, options: StoreOptions) {
        self.tables = tables
        self.options = options
    }

    mutating func perform(
        _ work: StoreCore.Work, claims: Claims, committed: CommittedFences
    ) throws -> StoreCore.Answer {
        switch work {
        case .commit(let entries):
            var answers: [CommitResult] = []
            for entry in entries {
                let result = try results[entry.fence] ?? perform(entry, claims: claims, committed: committed)
                results[entry.fence] = result
                answers.append(result)
            }
            return .results(answers)
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
        guard let claim = claims[entry.fence], let identities = claims.identities(of: entry.fence) else {
            return committed.contains(entry.fence) ? .committed : .lostClaim
        }
        if case .done(let effects) = entry.commitment.verdict {
            if let refusal = effects.refusal(of: claim.handler) { return .refused(refusal) }
            guard try tables.isCurrent(effects, of: claim.handler, at: entry.now) else { return .lostState }
        }
        // Two rows of our own making: nothing in them can fail alone.
        if entry.commitment.verdict.isPlain, !claim.isTimer {
            try write(entry, of: claim, identities)
            return .committed
        }
        do {
            return try tables.savepoint {
                try write(entry, of: claim, identities)
                return .committed
            }
        } catch let error as DatabaseError where Self.isOfTheRow(error) {
            return .refused(Failure(.handleTooLarge, claim.handler.text, "SQLite \(error.extendedResultCode.rawValue)"))
        }
    }

    /// True for an error that these values cause and others do not.
    private static func isOfTheRow(_ error: DatabaseError) -> Bool {
        [.SQLITE_TOOBIG, .SQLITE_CONSTRAINT, .SQLITE_MISMATCH].contains(error.resultCode)
    }

    private func write(_ entry: StoreCore.Entry, of claim: Claimed, _ identities: Identities) throws {
        let now = entry.now
        let commitment = entry.commitment
        try tables.record(claim, identities, commitment)
        if let permit = claim.permit { try tables.use(permit, by: commitment.verdict) }
        switch commitment.verdict {
        case .done(let effects):
            try tables.free(behind: claim)
            if claim.isTimer { try tables.removeTimer(of: claim.id) }
            for (write, version) in zip(effects.writes, entry.versions) {
                try tables.write(write, version: version, of: claim.handler, at: now)
            }
            for (ordinal, draft) in effects.drafts.enumerated() {
                try tables.enqueue(draft, ordinal: ordinal, of: claim, at: now)
            }
            for timer in effects.timers { try tables.change(timer, of: claim, fence: entry.fence) }
        case .retry:
            if claim.isTimer { try tables.retryTimer(of: claim.id) }
        case .dead(_, let letter, let parks):
            if claim.isTimer { try tables.removeTimer(of: claim.id) }
            if parks { try tables.park(claim, until: commitment.keepUntil, at: now) }
            if let letter {
                try tables.shelve(letter, queue: claim.consumer, message: claim.messageID, at: now)
            }
        }
        try tables.append(JournalEntry(commitment, of: claim, at: now), body: claim.payload)
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

extension Commitment.Verdict {
    /// Nothing but the ledger and the journal hears of it.
    fileprivate var isPlain: Bool {
        switch self {
        case .done(let effects):
            effects.writes.isEmpty && effects.drafts.isEmpty && effects.timers.isEmpty
        case .retry: true
        case .dead: false
        }
    }
}
