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
                "SELECT * FROM journal WHERE number > ? ORDER BY number LIMIT ?",
                [.integer(start), .number(Limits.journalScan)]
            ) { row in
                guard let entry = JournalRow(row)?.entry, !entry.message.isEmpty else { return true }
                let message = MessageID(entry.message)
                if messages.contains(message), let verdict = RedriveVerdict(entry.outcome) {
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
