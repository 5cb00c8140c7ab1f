import Events
import Pipeline
import StoreCommon

/// One question to the journal, answered step by step: each a short transaction, from where the one before ended.
struct JournalSearch: Sendable {
    /// Rows that one step reads one by one, and numbers that one passes over in order.
    private static let candidatesPerStep = 256
    private static let blocksPerStep = 1_024
    private static let numbersPerStep: Int64 = 16_384
    /// Rows are written in the order of their times but for what calls wait for each other, and clocks step back.
    private static let disorder = Duration.minutes(1)

    private let query: JournalQuery
    private let wanted: Int
    private(set) var found: [JournalRow] = []
    private(set) var isOver = false
    /// The next row to look at, and the last; known after the first step.
    private var next: Int64
    private var last: Int64 = .max
    private var hasBegun = false
    private var examined = 0
    private var bodyBytes = 0

    init(_ query: JournalQuery) {
        self.query = query
        wanted = min(max(query.atMost, 1), Limits.journalPage)
        next = max(query.after, 0) + 1
    }

    mutating func step(_ statements: Statements, _ tail: JournalTail) throws {
        // The tail first: what has left it since is in the file that this transaction sees, or will be looked at there.
        let key = query.key
        let recent = key.map { tail.find($0) }
        if !hasBegun { try begin(statements) }
        if let key, let recent {
            try lookUp(key, statements, recent)
        } else {
            try scan(statements)
        }
        if found.count >= wanted || next > last { isOver = true }
        guard isOver || examined <= Limits.journalScan else {
            throw Failure(
                .apiMalformed, "since",
                "\(examined) rows were looked at and the page is not full: narrow it with since, until or another name")
        }
    }

    // MARK: - where

    static func ends(_ statements: Statements) throws -> (oldest: Int64, newest: Int64) {
        var ends: (Int64, Int64) = (1, 0)
        try statements.each("SELECT min(number) FROM journal", []) { row in
            if !row.isNull(0) { ends.0 = row.integer(0) }
            return false
        }
        try statements.each(
            "SELECT coalesce((SELECT max(number) FROM journal), (SELECT max(number) FROM heads), 0)", []
        ) { row in
            ends.1 = row.integer(0)
            return false
        }
        return ends
    }

    private mutating func begin(_ statements: Statements) throws {
        hasBegun = true
        let (oldest, newest) = try Self.ends(statements)
        next = max(next, oldest)
        last = newest
        if let since = query.since {
            next = max(next, try Self.first(statements, at: since - Self.disorder, oldest, newest))
        }
        if let until = query.until {
            last = min(last, try Self.first(statements, at: until + Self.disorder, oldest, newest) - 1)
        }
    }

    /// The first row of a time or later, by halving; one behind the newest if there is none.
    private static func first(
        _ statements: Statements, at time: Instant, _ oldest: Int64, _ newest: Int64
    ) throws -> Int64 {
        var (low, high) = (oldest, newest + 1)
        while low < high {
            let middle = low + (high - low) / 2
            var isEarlier = false
            try statements.each("SELECT entry FROM journal WHERE number = ?", [.integer(middle)]) { row in
                isEarlier = JournalRecord.Front(row.buffer(0)).time < time
                return false
            }
            if isEarlier { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: - by what it is about

    private mutating func lookUp(
        _ hash: Int64, _ statements: Statements, _ recent: (first: Int64, rows: [Int64])
    ) throws {
        var candidates: [Int64] = []
        var blocks = 0
        while next < recent.first, next <= last, blocks < Self.blocksPerStep {
            let end = JournalKey.start(of: next) + JournalKey.block - 1
            let room = Self.candidatesPerStep - candidates.count
            if room == 0 { break }
            let before = candidates.count
            try statements.each(
                "SELECT key FROM journal_keys WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?",
                [
                    .integer(JournalKey.make(number: next, hash: hash)),
                    .integer(JournalKey.make(number: end, hash: hash)), .number(room),
                ]
            ) { row in
                candidates.append(JournalKey.number(of: row.integer(0)))
                return true
            }
            blocks += 1
            next = candidates.count - before == room ? (candidates.last ?? end) + 1 : end + 1
        }
        if next >= recent.first {
            let rest = recent.rows.filter { $0 >= next }.prefix(max(0, Self.candidatesPerStep - candidates.count))
            candidates += rest
            let isAll = rest.count == recent.rows.count { $0 >= next }
            next = isAll ? Int64.max : (rest.last ?? next - 1) + 1
        }
        for number in candidates where number <= last && found.count < wanted {
            examined += 1
            try statements.each("SELECT * FROM journal WHERE number = ?", [.integer(number)]) { row in
                if let row = JournalRow(row), query.admits(row.entry) { found.append(row) }
                return false
            }
        }
        examined += blocks
        if query.withBodies { try addBodies(statements) }
    }

    // MARK: - by everything else

    private mutating func scan(_ statements: Statements) throws {
        let end = min(last, next.addingReportingOverflow(Self.numbersPerStep - 1).partialValue)
        guard next <= end else { return }
        var reached = end
        let front = Front(query)
        try statements.each(
            "SELECT * FROM journal WHERE number BETWEEN ? AND ? ORDER BY number", [.integer(next), .integer(end)]
        ) { row in
            guard front.admits(JournalRecord.Front(row.buffer(3))), let row = JournalRow(row) else { return true }
            found.append(row)
            reached = found.count < wanted ? end : row.number
            return found.count < wanted
        }
        examined += Int(reached - next + 1)
        next = reached + 1
        if query.withBodies { try addBodies(statements) }
    }

    /// What is asked of every row that is passed over, as bytes.
    private struct Front {
        let query: JournalQuery
        let outcome: [UInt8]?
        let source: [UInt8]?
        let detailType: [UInt8]?

        init(_ query: JournalQuery) {
            self.query = query
            outcome = query.outcome.map { Array($0.rawValue.utf8) }
            source = query.source.map { Array($0.utf8) }
            detailType = query.detailType.map { Array($0.utf8) }
        }

        func admits(_ row: JournalRecord.Front) -> Bool {
            (query.since.map { row.time >= $0 } ?? true) && (query.until.map { row.time < $0 } ?? true)
                && (outcome.map { row.outcome.elementsEqual($0) } ?? true)
                && (source.map { row.source.elementsEqual($0) } ?? true)
                && (detailType.map { row.detailType.elementsEqual($0) } ?? true)
        }
    }

    private mutating func addBodies(_ statements: Statements) throws {
        for index in found.indices where found[index].body == nil && bodyBytes < Limits.journalPageBytes {
            try statements.each(
                "SELECT body FROM journal_bodies WHERE number = ?", [.integer(found[index].number)]
            ) { row in
                found[index].body = row.bytes(0)
                return false
            }
            bodyBytes += found[index].body?.count ?? 0
        }
    }
}

extension JournalQuery {
    /// The one of its names that is looked up: the one that fewest rows share, as a rule.
    var key: Int64? {
        if let event { return JournalKey.hash(.event, event) }
        if let parent { return JournalKey.hash(.parent, parent) }
        if let correlationID { return JournalKey.hash(.correlation, correlationID) }
        if let resource { return JournalKey.hash(.resource, resource) }
        return userID.map { JournalKey.hash(.user, $0) }
    }

    func admits(_ entry: JournalEntry) -> Bool {
        func fits(_ wanted: String?, _ text: String) -> Bool { wanted == nil || wanted == text }
        return (event == nil || entry.event == event || entry.message == event)
            && fits(parent, entry.publisher) && fits(correlationID, entry.correlationID)
            && fits(resource, entry.resource) && fits(userID, entry.userID) && fits(source, entry.source)
            && fits(detailType, entry.detailType)
            && (outcome == nil || entry.outcome == outcome) && (since.map { entry.time >= $0 } ?? true)
            && (until.map { entry.time < $0 } ?? true)
    }
}
