import Events
import GRDB
import Pipeline

/// Writes the calls of one transaction, each commitment in a savepoint of its own.
struct CommitWriter {
    /// Rows that one sweep removes from each table: some milliseconds, so that nobody waits long behind it.
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
            for refusal in refusals { try tables.refuse(refusal, at: now) }
        case .settle(let results, let now):
            for result in results { try tables.settle(result, at: now) }
        case .record(let entry): try tables.append(entry)
        case .sweep(let now):
            return .count(
                try tables.sweep(atMost: Self.sweepRows, journalRetention: options.journalRetention, at: now))
        case .touch:
            try tables.run("UPDATE meta SET value = value WHERE key = 'boot'")
        }
        return .count(0)
    }

    private func perform(
        _ entry: StoreCore.Entry, claims: Claims, committed: CommittedFences
    ) throws -> CommitResult {
        guard let claim = claims[entry.fence] else {
            return committed.contains(entry.fence) ? .committed : .lostClaim
        }
        if case .done(let effects) = entry.commitment.verdict {
            if let refusal = effects.refusal(of: claim.handler) { return .refused(refusal) }
            guard try tables.isCurrent(effects, of: claim.handler, at: entry.now) else { return .lostState }
        }
        do {
            return try tables.savepoint {
                try write(entry, of: claim)
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

    private func write(_ entry: StoreCore.Entry, of claim: Claimed) throws {
        let now = entry.now
        let commitment = entry.commitment
        try tables.record(claim, commitment)
        switch commitment.verdict {
        case .done(let effects):
            if claim.isTimer { try tables.removeTimer(of: claim.id) }
            for (write, version) in zip(effects.writes, entry.versions) {
                try tables.write(write, version: version, of: claim.handler, at: now)
            }
            for (ordinal, draft) in effects.drafts.enumerated() {
                try tables.enqueue(draft, ordinal: ordinal, of: claim, at: now)
            }
            for timer in effects.timers { try tables.change(timer, of: claim, fence: entry.fence) }
            try tables.append(journalEntry(entry, of: claim, .done, nil))
        case .retry(let failure):
            if claim.isTimer { try tables.retryTimer(of: claim.id) }
            try tables.append(journalEntry(entry, of: claim, .retry, failure))
        case .dead(let failure, let letter):
            if claim.isTimer { try tables.removeTimer(of: claim.id) }
            if let letter {
                try tables.shelve(letter, queue: claim.consumer, message: claim.messageID, at: now)
            }
            try tables.append(journalEntry(entry, of: claim, .dead, failure))
        }
    }

    private func journalEntry(
        _ entry: StoreCore.Entry, of claim: Claimed, _ outcome: JournalEntry.Outcome, _ failure: Failure?
    ) -> JournalEntry {
        JournalEntry(
            time: entry.now, kind: .event, queue: claim.consumer.text, issuer: claim.id.issuer, event: claim.id.text,
            correlationID: claim.trace.correlationID, resource: claim.resource, source: claim.source,
            detailType: claim.detailType, stage: failure?.code.area ?? "", outcome: outcome,
            code: failure?.code.rawValue ?? "", handler: claim.handler.text, generation: entry.commitment.generation,
            attempt: entry.commitment.history.attempts)
    }
}
