import Cryptography
import Events
import Pipeline
import StoreCommon

/// The walk of ``JournalCheck``: heads, writers and rows of one state of the file.
struct JournalWalk {
    private(set) var report = JournalReport()
    private var heads: [SealedHead] = []

    init(_ statements: Statements) throws {
        var store = ""
        try statements.each("SELECT value FROM meta WHERE key = 'store'", []) { row in
            store = row.text(0)
            return false
        }
        var heads: [SealedHead] = []
        try statements.each(
            "SELECT number, boot, hash, first, time, key, signature, closes FROM heads ORDER BY number", []
        ) { row in
            let statement = HeadStatement(
                store: store, boot: row.integer(1), number: row.integer(0),
                hash: row.digest(2) ?? Hash.sha256([]), first: row.integer(3), time: row.instant(4))
            let signature = HeadSignature(keyID: row.text(5), bytes: Array(row.bytes(6)))
            heads.append(
                SealedHead(
                    statement: statement, signature: signature.keyID.isEmpty ? nil : signature,
                    closes: row.integer(7) == 1))
            return true
        }
        self.heads = heads
        report.store = store
        report.heads = heads.count
        report.signed = heads.count { $0.signature != nil }
        report.newestHead = heads.last
        report.first = heads.map(\.statement.first).max() ?? 1
    }

    /// Every writer begins where the one before has ended: its first row says the same, if it has one.
    mutating func checkWriters(_ statements: Statements) throws {
        try statements.each(
            """
            SELECT w.boot, w.genesis, j.hash FROM writers w \
            JOIN (SELECT number, hash FROM journal UNION SELECT number, hash FROM heads) j ON j.number = w.first - 1
            """, []
        ) { row in
            guard let genesis = row.digest(1), let before = row.digest(2) else { return true }
            let boot = row.integer(0)
            if JournalChain.genesis(store: report.store, boot: boot, after: before) != genesis {
                report.add(.writer(boot: boot))
            }
            return true
        }
    }

    mutating func checkSignatures(_ verifies: (HeadSignature, HeadStatement) -> Bool?) {
        for head in heads {
            guard let signature = head.signature else {
                report.add(.unsigned(head: head.statement.number))
                continue
            }
            switch verifies(signature, head.statement) {
            case true?: break
            case false?: report.add(.signature(head: head.statement.number, keyID: signature.keyID))
            case nil: report.add(.unknownKey(head: head.statement.number, keyID: signature.keyID))
            }
        }
    }

    // MARK: - rows

    /// What the rows so far were.
    private struct Place {
        var number: Int64
        var boot: Int64
        /// `nil`: unknown, so that the next row is taken as it is.
        var hash: Digest?
        /// The newest head that fitted, and whether the last one did.
        var fitting: Int64
        var isFitting = true
        var nextHead = 0
    }

    mutating func checkRows(_ statements: Statements, _ expected: [(number: Int64, hash: Digest)]) throws {
        var place = Place(number: report.first - 1, boot: 0, hash: nil, fitting: report.first - 1)
        if let base = heads.first(where: { $0.statement.number == report.first - 1 }) {
            place.boot = base.statement.boot
            place.hash = base.statement.hash
        } else if report.first == 1 {
            place.hash = Hash.sha256([])
        }
        place.nextHead = heads.firstIndex { $0.statement.number >= report.first } ?? heads.count
        var unmet = Dictionary(expected.map { ($0.number, $0.hash) }) { $1 }
        try statements.each(
            """
            SELECT j.*, b.body FROM journal j LEFT JOIN journal_bodies b ON b.number = j.number \
            WHERE j.number >= ? ORDER BY j.number
            """, [.integer(report.first)]
        ) { row in
            let number = row.integer(0)
            check(number, JournalRow(row), kept: row.buffer(3), body: row.isNull(4) ? nil : row.bytes(4), &place)
            if let hash = unmet.removeValue(forKey: number), hash != row.digest(2) {
                report.add(.expected(number, isThere: true))
            }
            return true
        }
        finish(place)
        for number in unmet.keys.sorted() where number >= report.first {
            let head = heads.first { $0.statement.number == number }
            if head?.statement.hash != unmet[number] || report.range.map({ $0.upperBound < number }) ?? false {
                report.add(.expected(number, isThere: false))
            }
        }
    }

    private mutating func check(
        _ number: Int64, _ row: JournalRow?, kept: UnsafeRawBufferPointer, body: Bytes?, _ place: inout Place
    ) {
        report.rows += 1
        report.range = (report.range?.lowerBound ?? number)...number
        if number != place.number + 1 {
            missing(place.number + 1...number - 1, isFirst: report.rows == 1)
            place.hash = nil
        }
        defer { place.number = number }
        guard let row else {
            report.add(.changed(number))
            place.hash = nil
            return
        }
        if let before = place.hash {
            let start = row.boot == place.boot
                ? before : JournalChain.genesis(store: report.store, boot: row.boot, after: before)
            let made = JournalChain.hash(ofKept: kept, number: number, boot: row.boot, after: start)
            if made != row.hash { report.add(.changed(number)) }
        }
        place.boot = row.boot
        place.hash = row.hash
        if let body, let payload = row.entry.payload, Hash.sha256(body) != payload { report.add(.payload(number)) }
        compare(row, &place)
    }

    /// Heads that stand at this row, and those that stood at rows that are missing.
    private mutating func compare(_ row: JournalRow, _ place: inout Place) {
        while place.nextHead < heads.count, heads[place.nextHead].statement.number <= row.number {
            let head = heads[place.nextHead].statement
            place.nextHead += 1
            guard head.number == row.number else { continue }
            if head.hash == row.hash, head.boot == row.boot {
                place.fitting = head.number
                place.isFitting = true
            } else {
                // Behind a changed row every head is wrong: the first one says it.
                if place.isFitting { report.add(.rewritten(head: head.number, after: place.fitting)) }
                place.isFitting = false
            }
        }
    }

    private mutating func missing(_ rows: ClosedRange<Int64>, isFirst: Bool) {
        if isFirst {
            report.add(.beginning(rows))
        } else {
            let borders = Set(heads.filter(\.closes).map(\.statement.number) + [report.first - 1])
            let isSegment = borders.contains(rows.lowerBound - 1) && borders.contains(rows.upperBound)
            report.add(.missing(rows, isSegment: isSegment))
        }
    }

    private mutating func finish(_ place: Place) {
        let head = report.newestHead?.statement.number ?? 0
        if head > place.number, head >= report.first { report.add(.tail(place.number + 1...head)) }
        report.unsealed = Int(max(0, place.number - max(head, report.first - 1)))
    }
}
