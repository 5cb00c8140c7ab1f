public import Events
public import Pipeline

/// The journal in a store's file, read beside the sidecar that has it open: what became of messages from now on.
public struct JournalFile: RedriveJudge {
    private let path: String
    private let start: Int64

    /// Throws `store.unavailable`.
    public init(_ path: String) throws(Failure) {
        self.path = path
        start = try StoreFile(path).read { statements in try JournalSearch.ends(statements).newest }
    }

    public func verdicts(on messages: Set<MessageID>) async throws(Failure) -> [MessageID: RedriveVerdict] {
        let start = start
        return try StoreFile(path).read { statements in
            var verdicts: [MessageID: RedriveVerdict] = [:]
            try statements.each(
                "SELECT message, outcome FROM journal WHERE number > ? AND message <> '' ORDER BY number LIMIT ?",
                [.integer(start), .number(Limits.journalScan)]
            ) { row in
                let message = MessageID(row.text(0))
                if messages.contains(message), let outcome = JournalEntry.Outcome(rawValue: row.text(1)),
                    let verdict = RedriveVerdict(outcome) {
                    verdicts[message] = verdict
                }
                return true
            }
            return verdicts
        }
    }
}

extension SQLiteStore {
    /// Writes what operators did into the journal. Throws `store.*`.
    public func record(_ entries: [JournalEntry]) async throws(Failure) {
        if !entries.isEmpty { try await core.enqueue(.record(entries)) }
    }
}
