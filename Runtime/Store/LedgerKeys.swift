import Cryptography
import Events
import StoreCommon

/// Where the ledger is looked up: 64 bits of SHA-256 of an identity. Nobody finds many identities with one key; where
/// two share one, their rows tell.
enum LedgerKey {
    static func make(event: String) -> Int64 { number(Hash.sha256(event.utf8), 0) }

    static func make(token: Digest) -> Int64 { number(token, 1) }

    static func make(businessKey: Digest) -> Int64 { number(businessKey, 2) }

    /// What a row is found by. Of business keys those that were done alone are looked for.
    static func each(of row: LedgerRow, _ body: (Int64) throws -> Void) rethrows {
        try body(make(event: row.id.text))
        if let token = row.tokenDigest { try body(make(token: token)) }
        if let business = row.businessKey, row.state == .done { try body(make(businessKey: business)) }
    }

    private static func number(_ digest: Digest, _ kind: UInt64) -> Int64 {
        Int64(bitPattern: digest.high.0 &+ kind)
    }
}

/// The keys of the newest rows, which the file's index does not have yet.
///
/// A key is random: put into the index with its row it would cost a page of the b-tree in every commit, several times
/// what the row itself costs. So keys wait here, and a block of them goes there in order, some with each transaction.
/// The file says up to which row it has them (`meta`, `indexed`); the others are read from their rows at the start.
struct LedgerTail {
    /// Keys of one block: the more, the more of them share a page.
    static let block = 32_768

    /// Rows up to this one are in the file's index.
    private(set) var indexed: Int64 = 0
    private var newest: Int64 = 0
    private var recent: [Int64: Int64] = [:]
    /// Further rows of a key: consumers of one event, as a rule.
    private var others: [Int64: [Int64]] = [:]
    /// The block that is being written, in order, how much of it is, the last of its rows, and those that went since.
    private var full: [(key: Int64, row: Int64)] = []
    private var written = 0
    private var lastOfFull: Int64 = 0
    private var gone: Set<Int64> = []
    /// Of the keys that the file's index has.
    private(set) var filter = LedgerFilter()

    private let block: Int

    init(indexed: Int64 = 0, block: Int = Self.block) {
        self.indexed = indexed
        self.block = block
    }

    mutating func append(_ keys: [(key: Int64, row: Int64)]) {
        for (key, row) in keys {
            newest = max(newest, row)
            guard let first = recent.updateValue(row, forKey: key) else { continue }
            recent[key] = first
            others[key, default: []].append(row)
        }
    }

    mutating func remove(_ keys: [(key: Int64, row: Int64)]) {
        for (key, row) in keys {
            if !full.isEmpty { gone.insert(row) }
            var rows = others.removeValue(forKey: key) ?? []
            if recent[key] == row { recent[key] = rows.popLast() } else { rows.removeAll { $0 == row } }
            if !rows.isEmpty { others[key] = rows }
        }
    }

    private var hasIndex: Bool { indexed > 0 || written > 0 }

    /// The rows that may be meant. The file is asked only if its index may have the key.
    func rows(of key: Int64, in tables: Tables) throws -> [Int64] {
        var found: [Int64] = []
        if hasIndex, filter.mayHave(key) {
            found = try tables.numbers("SELECT row FROM ledger_keys WHERE key = ?", key)
        }
        if !full.isEmpty {
            var place = firstInFull(key)
            while place < full.count, full[place].key == key {
                if !found.contains(full[place].row) { found.append(full[place].row) }
                place += 1
            }
        }
        if let row = recent[key] {
            if !found.contains(row) { found.append(row) }
            if others.isEmpty { return found }
            for row in others[key] ?? [] where !found.contains(row) { found.append(row) }
        }
        return found
    }

    private func firstInFull(_ key: Int64) -> Int {
        var (low, high) = (0, full.count)
        while low < high {
            let middle = (low + high) / 2
            if full[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// What one transaction writes.
    struct Chunk {
        var keys: [(key: Int64, row: Int64)] = []
        /// Places of the block that it ends.
        var places = 0
        /// With it the index has all rows up to this one.
        var indexed: Int64?
    }

    mutating func chunk(added: Int) -> Chunk {
        if full.isEmpty, recent.count >= block {
            full = recent.map { ($0.key, $0.value) }
            for (key, rows) in others { full += rows.map { (key, $0) } }
            full.sort { $0 < $1 }
            (recent, others) = ([:], [:])
            (written, lastOfFull) = (0, newest)
        }
        guard !full.isEmpty else { return Chunk() }
        let end = min(full.count, written + max(block / 128, 2 * added))
        return Chunk(
            keys: full[written..<end].filter { !gone.contains($0.row) }, places: end - written,
            indexed: end == full.count ? lastOfFull : nil)
    }

    /// The chunk is in the file.
    mutating func wrote(_ chunk: Chunk) {
        for entry in chunk.keys { filter.add(entry.key) }
        written += chunk.places
        guard let last = chunk.indexed else { return }
        indexed = last
        (full, gone, written) = ([], [], 0)
    }

    /// What of the index is to be read for the filter; `nil` for nothing.
    mutating func reading(rows: Int, added: Int) -> LedgerFilter.Reading? {
        hasIndex ? filter.reading(rows: rows, added: added) : nil
    }

    mutating func read(_ keys: [Int64], _ reading: LedgerFilter.Reading) { filter.read(keys, reading) }
}

extension Tables {
    /// Twice the same is harmless: after a failure nobody knows what was written.
    func index(_ chunk: LedgerTail.Chunk) throws {
        var rest = chunk.keys[...]
        while rest.count >= 8 {
            try statements.write(
                """
                INSERT OR IGNORE INTO ledger_keys \
                VALUES (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?)
                """
            ) { values in
                for (place, entry) in rest.prefix(8).enumerated() {
                    values.bind(Int32(2 * place + 1), entry.key)
                    values.bind(Int32(2 * place + 2), entry.row)
                }
            }
            rest = rest.dropFirst(8)
        }
        for (key, row) in rest {
            try run("INSERT OR IGNORE INTO ledger_keys VALUES (?, ?)", [.integer(key), .integer(row)])
        }
        if let indexed = chunk.indexed {
            try run("INSERT OR REPLACE INTO meta VALUES ('indexed', ?)", [.integer(indexed)])
        }
    }

    /// The next keys of the index, in order.
    func keys(_ reading: LedgerFilter.Reading) throws -> [Int64] {
        guard let behind = reading.behind else {
            return try numbers("SELECT key FROM ledger_keys ORDER BY key LIMIT ?", Int64(reading.count))
        }
        return try all(
            "SELECT key FROM ledger_keys WHERE key > ? ORDER BY key LIMIT ?",
            [.integer(behind), .number(reading.count)]
        ) { $0.integer(0) }
    }

    /// Reads the tail from the file: the rows that its index does not have.
    func ledgerTail(block: Int) throws -> LedgerTail {
        let indexed = try first("SELECT value FROM meta WHERE key = 'indexed'", []) { $0.integer(0) } ?? 0
        var tail = LedgerTail(indexed: indexed, block: block)
        try statements.each("SELECT row, keep_until, entry FROM ledger WHERE row > ?", [.integer(indexed)]) { row in
            let row = try LedgerRow(row)
            LedgerKey.each(of: row) { tail.append([($0, row.row)]) }
            return true
        }
        return tail
    }
}
