import Events
import Pipeline
import StoreCommon

// Rows on their way in and out.

extension Tables {
    /// What a row takes beside its entry, with its place in the index, roughly.
    static let journalOverhead: Int64 = 128

    /// - Parameter body: what the row keeps of the payload; `nil` or nothing keeps none.
    func append(_ entry: JournalEntry, body: Bytes? = nil) throws {
        let (number, boot) = (counters.journal.number + 1, counters.journal.boot)
        let hash = JournalChain.write(
            entry, number: number, boot: boot, after: counters.journal.hash, to: &statements.record)
        let end = statements.record.count
        statements.record.add(hash)
        try statements.record.bytes.withUnsafeBytes { bytes in
            try statements.write("INSERT INTO journal (number, boot, hash, entry) VALUES (?, ?, ?, ?)") { values in
                values.bind(1, number)
                values.bind(2, boot)
                values.bind(3, UnsafeRawBufferPointer(rebasing: bytes[end...]))
                values.bind(4, UnsafeRawBufferPointer(rebasing: bytes[JournalChain.placeBytes..<end]))
            }
        }
        if let body, !body.isEmpty {
            try run("INSERT INTO journal_bodies VALUES (?, ?)", [.integer(number), .bytes(body)])
        }
        counters.journal.number = number
        counters.journal.hash = hash
        counters.journalBytes += Self.journalOverhead + Int64(end - JournalChain.placeBytes + (body?.count ?? 0))
        JournalKey.add(entry, number: number, to: &counters.journalKeys)
        counters.statistics.journal += 1
    }
}

extension JournalRow {
    /// - Parameter row: all columns, in the order of the table.
    init?(_ row: Columns) {
        guard let entry = JournalRecord.read(row.buffer(3)), let hash = row.digest(2) else { return nil }
        self.init(number: row.integer(0), boot: row.integer(1), entry: entry, hash: hash)
    }
}
