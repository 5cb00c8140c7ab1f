public import Events

/// What the journal says of messages: a row for each run, under the id of its message; of publications, one when the
/// bus has them or did not take them.
public struct JournalJudge: RedriveJudge {
    private let journal: any JournalReader
    /// Rows before were written before the first message was sent.
    private let start: Int64

    /// Throws `store.unavailable`.
    public init(_ journal: any JournalReader) async throws(Failure) {
        self.journal = journal
        start = try await journal.newest()
    }

    public func verdicts(on messages: Set<MessageID>) async throws(Failure) -> [MessageID: RedriveVerdict] {
        var verdicts: [MessageID: RedriveVerdict] = [:]
        for message in messages {
            var query = JournalQuery()
            query.event = message.text
            query.after = start
            query.atMost = Limits.journalPage
            let rows = try await journal.rows(query).filter { row in
                row.entry.kind == .publication || (row.entry.kind != .letter && row.entry.message == message.text)
            }
            verdicts[message] = rows.lazy.compactMap { RedriveVerdict($0.entry.outcome) }.last
        }
        return verdicts
    }
}

extension RedriveVerdict {
    /// `nil` for what is no end.
    public init?(_ outcome: JournalEntry.Outcome) {
        switch outcome {
        case .done, .duplicate, .sent: self = .passed
        case .dead, .refused, .gaveUp: self = .failed
        default: return nil
        }
    }
}
