import Events
import Pipeline
import StoreCommon

// Rows on their way in and out.

extension Tables {
    /// What a row takes beside its entry, with its place in the index, roughly.
    static let journalOverhead: Int64 = 128

    /// - Parameter body: what the row keeps of the payload; `nil` or nothing keeps none.
    func append(_ entry: JournalEntry, body: Bytes? = nil) throws {
        let (number, boot, last) = counters.journal.next
        let hash = JournalChain.write(entry, number: number, boot: boot, after: last, to: &statements.record)
        try insert(entry, number, boot, hash, body)
    }

    /// With its payload, where that is kept.
    func append(_ end: RunEnd) throws {
        let fields = RunFields(end)
        let (number, boot, last) = counters.journal.next
        let hash = JournalChain.write(fields, number: number, boot: boot, after: last, to: &statements.record)
        try insert(fields, number, boot, hash, end.claim.payload)
    }

    /// The row that was written to the record.
    private func insert(
        _ fields: some JournalFields, _ number: Int64, _ boot: Int64, _ hash: Digest, _ body: Bytes?
    ) throws {
        let record = statements.record
        try record.withUnsafeBytes { record in
            try hash.withUnsafeBytes { hash in
                try statements.write("INSERT INTO journal (number, boot, hash, entry) VALUES (?, ?, ?, ?)") { values in
                    values.bind(1, number)
                    values.bind(2, boot)
                    values.bind(3, hash)
                    values.bind(4, UnsafeRawBufferPointer(rebasing: record[JournalChain.placeBytes...]))
                }
            }
        }
        if let body, !body.isEmpty {
            try run("INSERT INTO journal_bodies VALUES (?, ?)", [.integer(number), .bytes(body)])
        }
        counters.appended(fields, hash, bytes: record.count + (body?.count ?? 0))
    }
}

extension Counters {
    /// - Parameter bytes: of the record, with its place before it, and of the body.
    fileprivate mutating func appended(_ fields: some JournalFields, _ hash: Digest, bytes: Int) {
        journal.number += 1
        journal.hash = hash
        journalBytes += Tables.journalOverhead + Int64(bytes - JournalChain.placeBytes)
        JournalKey.add(fields, number: journal.number, to: &journalKeys)
        statistics.journal += 1
    }
}

extension JournalRow {
    /// - Parameter row: all columns, in the order of the table.
    init?(_ row: Columns) {
        guard let entry = JournalRecord.read(row.buffer(3)), let hash = row.digest(2) else { return nil }
        self.init(number: row.integer(0), boot: row.integer(1), entry: entry, hash: hash)
    }
}
