import Events
import Pipeline
import StoreCommon

/// The rows that are written together, and when the first of them may go.
///
/// An index by time would cost every row a place in a second b-tree. Rows of one block come and go at about the same
/// time, so a block has one line in the file, written when the next one begins; that of the newest block is in memory.
struct LedgerBlock {
    static let rows: Int64 = 512

    var number: Int64
    /// No row's time ends before; `nil` for a block without rows.
    var keepUntil: Instant?

    static func number(of row: Int64) -> Int64 { row / rows }
}

extension Tables {
    /// Notes until when a new row lives.
    func keep(_ row: Int64, until keepUntil: Instant) throws {
        let number = LedgerBlock.number(of: row)
        if number != counters.ledgerBlock.number {
            try write(counters.ledgerBlock)
            counters.ledgerBlock = LedgerBlock(number: number)
        }
        counters.ledgerBlock.keepUntil = min(counters.ledgerBlock.keepUntil ?? .distantFuture, keepUntil)
    }

    private func write(_ block: LedgerBlock) throws {
        guard let keepUntil = block.keepUntil else {
            return try run("DELETE FROM ledger_blocks WHERE block = ?", [.integer(block.number)])
        }
        try run(
            "INSERT OR REPLACE INTO ledger_blocks (block, keep_until) VALUES (?, ?)",
            [.integer(block.number), .instant(keepUntil)])
    }

    /// Removes the rows whose time is over, of so many blocks at most.
    func sweepLedger(blocks count: Int, at now: Instant) throws -> Int {
        var removed = 0
        let due = try all(
            "SELECT block FROM ledger_blocks WHERE keep_until <= ? ORDER BY keep_until LIMIT ?",
            [.instant(now), .number(count)]
        ) { $0.integer(0) }
        for number in due {
            let (gone, block) = try sweep(LedgerBlock(number: number), at: now)
            removed += gone
            try write(block)
        }
        if due.count < count, counters.ledgerBlock.keepUntil.map({ $0 <= now }) ?? false {
            let (gone, block) = try sweep(counters.ledgerBlock, at: now)
            removed += gone
            counters.ledgerBlock = block
        }
        return removed
    }

    private func sweep(_ block: LedgerBlock, at now: Instant) throws -> (removed: Int, left: LedgerBlock) {
        var over: [LedgerRow] = []
        var left = LedgerBlock(number: block.number)
        let first = block.number * LedgerBlock.rows
        try statements.each(
            "SELECT row, keep_until, entry FROM ledger WHERE row >= ? AND row < ?",
            [.integer(first), .integer(first + LedgerBlock.rows)]
        ) { row in
            let keepUntil = row.instant(1)
            if keepUntil <= now {
                over.append(try LedgerRow(row))
            } else {
                left.keepUntil = min(left.keepUntil ?? .distantFuture, keepUntil)
            }
            return true
        }
        for row in over { try remove(row) }
        return (over.count, left)
    }

    /// The newest block, whose line may not be in the file.
    static func newestBlock(_ statements: Statements, next: Int64) throws -> LedgerBlock {
        var block = LedgerBlock(number: LedgerBlock.number(of: next))
        try statements.each("SELECT max(row) FROM ledger", []) { row in
            if !row.isNull(0) { block.number = LedgerBlock.number(of: row.integer(0)) }
            return false
        }
        try statements.each(
            "SELECT min(keep_until) FROM ledger WHERE row >= ?", [.integer(block.number * LedgerBlock.rows)]
        ) { row in
            block.keepUntil = row.isNull(0) ? nil : row.instant(0)
            return false
        }
        return block
    }
}
