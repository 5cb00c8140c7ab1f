import Events
import Pipeline
import StoreCommon

extension Tables {
    /// The row that shares this identity with the request, the most telling one where several do. A row by event id is
    /// found even after its time, so that it is used again instead of doubled.
    func ledgerRow(
        _ match: Dedup.Row.Match, _ key: Int64, of request: ClaimRequest, _ tail: LedgerTail, at now: Instant
    ) throws -> LedgerRow? {
        var found: LedgerRow?
        for number in try tail.rows(of: key, in: self) {
            guard let row = try ledgerRow(number), row.matches(match, of: request) else { continue }
            switch match {
            case .eventID: return row
            case .tokenDigest where row.keepUntil > now: break
            case .businessKey where row.keepUntil > now && row.state == .done: break
            default: continue
            }
            if found.map({ row.state.rawValue < $0.state.rawValue }) ?? true { found = row }
        }
        return found
    }

    private func ledgerRow(_ number: Int64) throws -> LedgerRow? {
        try first("SELECT row, keep_until, entry FROM ledger WHERE row = ?", number) { try LedgerRow($0) }
    }

    /// At most a hundred rows of events with this id.
    func ledgerRows(of event: String, _ tail: LedgerTail) throws -> [LedgerRow] {
        try tail.rows(of: LedgerKey.make(event: event), in: self).prefix(100).compactMap(ledgerRow)
            .filter { $0.id.text == event }
    }

    /// True if the end of this claim, under this fence, is in the file.
    func isRecorded(_ claim: Claimed, fence: UInt64, _ tail: LedgerTail) throws -> Bool {
        for number in try tail.rows(of: LedgerKey.make(event: claim.id.text), in: self) {
            guard let row = try ledgerRow(number), row.id == claim.id, row.consumer == claim.consumer else { continue }
            return row.fence == fence
        }
        return false
    }

    /// Records the end of a run, in the place of the row that the claim found or as a new one.
    func record(_ end: RunEnd, _ identities: Identities) throws {
        let isDone = end.outcome == .done
        if let old = try end.claim.row.flatMap({ try ledgerRow($0) }) {
            if end.claim.wasDone, !isDone { return try recount(old, end.commitment) }
            try remove(old)
        }
        let (number, keepUntil) = (counters.nextLedgerRow, end.commitment.keepUntil)
        LedgerRow.write(LedgerEnd(end), to: &statements.record)
        try write("INSERT INTO ledger (row, keep_until, entry) VALUES (?, ?, ?)", number, keepUntil)
        try keep(number, until: keepUntil)
        counters.added(number, identities, isDone: isDone)
    }

    /// The entry that was written to the record.
    private func write(_ sql: StaticString, _ row: Int64, _ keepUntil: Instant) throws {
        try statements.record.withUnsafeBytes { entry in
            try statements.write(sql) { values in
                values.bind(1, row)
                values.bind(2, keepUntil.unixMilliseconds)
                values.bind(3, entry)
            }
        }
    }

    /// What was done stays so, though its run under a permit came to nothing: the row has that run's count and fence.
    private func recount(_ row: LedgerRow, _ commitment: Commitment) throws {
        var row = row
        row.history = commitment.history
        row.keepUntil = max(row.keepUntil, commitment.keepUntil)
        row.fence = commitment.lease.fence
        LedgerRow.write(row, to: &statements.record)
        try write("UPDATE ledger SET keep_until = ?2, entry = ?3 WHERE row = ?1", row.row, row.keepUntil)
    }

    /// With its places in the index.
    func remove(_ row: LedgerRow) throws {
        counters.statistics.ledger -= try change("DELETE FROM ledger WHERE row = ?", [.integer(row.row)])
        try LedgerKey.each(of: row) { key in
            try run("DELETE FROM ledger_keys WHERE key = ? AND row = ?", [.integer(key), .integer(row.row)])
            counters.lostLedgerKeys.append((key, row.row))
        }
    }
}

extension Counters {
    /// A row of the ledger was added.
    fileprivate mutating func added(_ row: Int64, _ identities: Identities, isDone: Bool) {
        nextLedgerRow += 1
        statistics.ledger += 1
        ledgerKeys.append((identities.event, row))
        if let token = identities.token { ledgerKeys.append((token, row)) }
        if let business = identities.business, isDone { ledgerKeys.append((business, row)) }
    }
}
