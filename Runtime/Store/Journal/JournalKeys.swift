import Events
import StoreCommon
import Synchronization

/// Where the journal is looked up: a row's place under a hash of what it is about, as one number.
///
/// An index by text would touch a page of its own for every row and field, in each commit. These numbers are grouped by
/// blocks of rows, so a block's are written once, in order, when it is full; until then they are in memory. A look-up
/// asks each block once: some microseconds for sixteen thousand rows. A hash that two texts share costs a comparison.
enum JournalKey {
    /// Rows of one block.
    static let block: Int64 = 1 << rowBits
    private static let rowBits: Int64 = 14
    private static let hashBits: Int64 = 29

    /// Event ids and the queue's ids of messages are looked up alike.
    enum Field: UInt8 { case correlation = 1, event, resource, user, parent }

    static func hash(_ field: Field, _ text: String) -> Int64 {
        Int64(truncatingIfNeeded: spread(text, UInt64(field.rawValue)) >> (64 - UInt64(hashBits)))
    }

    static func spread(_ text: String, _ seed: UInt64) -> UInt64 {
        let utf8 = text.utf8.span
        return utf8.withUnsafeBytes { spread($0, seed) }
    }

    /// Eight bytes a step (multiplied and folded), and a last mixing (MurmurHash3's): for spreading, not for secrets.
    private static func spread(_ bytes: UnsafeRawBufferPointer, _ seed: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ seed << 32 ^ UInt64(bytes.count)
        func mix(_ word: UInt64) {
            hash = (hash ^ UInt64(littleEndian: word)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 29
        }
        var place = 0
        while place + 8 <= bytes.count {
            mix(bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            place += 8
        }
        if place < bytes.count {
            var rest: UInt64 = 0
            withUnsafeMutableBytes(of: &rest) { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[place...])) }
            mix(rest)
        }
        return (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    }

    static func make(number: Int64, hash: Int64) -> Int64 {
        (number >> rowBits) << (rowBits + hashBits) | hash << rowBits | number & (block - 1)
    }

    static func number(of key: Int64) -> Int64 { (key >> (rowBits + hashBits)) << rowBits | key & (block - 1) }
    static func hash(of key: Int64) -> Int64 { (key >> rowBits) & (1 << hashBits - 1) }
    /// The first row of the block that a row is in.
    static func start(of number: Int64) -> Int64 { number & ~(block - 1) }

    static func add(_ entry: some JournalFields, number: Int64, to keys: inout [Int64]) {
        func add(_ field: Field, _ text: String) {
            if !text.isEmpty { keys.append(make(number: number, hash: hash(field, text))) }
        }
        add(.correlation, entry.correlationID)
        add(.event, entry.event)
        add(.event, entry.message)
        add(.resource, entry.resource)
        add(.user, entry.userID)
        add(.parent, entry.publisher)
    }
}

/// The keys of the newest rows, which the file's index does not have yet. The writer adds and moves them, the reader
/// looks here for what it cannot find in the file. Bounded by two blocks and what a burst adds while one is written.
final class JournalTail: Sendable {
    private struct State {
        /// Rows from this one on are here.
        var first: Int64 = 0
        var newest: Int64 = 0
        var keys: [Int64] = []
        /// Those of the block that is full, in order, and how many of them are written.
        var full: [Int64] = []
        var written = 0
    }
    private let state = Mutex(State())

    func load(first: Int64, newest: Int64, keys: [Int64]) {
        state.withLock { $0 = State(first: first, newest: newest, keys: keys) }
    }

    func append(_ keys: [Int64], newest: Int64) {
        state.withLock { state in
            state.keys += keys
            state.newest = newest
        }
    }

    /// - Returns: where the tail begins, and the rows of it that may be meant, in order.
    func find(_ hash: Int64) -> (first: Int64, rows: [Int64]) {
        state.withLock { state in
            let keys = state.full.filter { JournalKey.hash(of: $0) == hash }
                + state.keys.filter { JournalKey.hash(of: $0) == hash }
            return (state.first, keys.map(JournalKey.number).sorted())
        }
    }

    /// The next keys for the file, in order; none while the newest block is not full.
    func chunk(atMost count: Int) -> [Int64] {
        state.withLock { state in
            let end = JournalKey.start(of: state.first) + JournalKey.block
            if state.full.isEmpty, state.newest >= end - 1 {
                state.full = state.keys.filter { JournalKey.number(of: $0) < end }.sorted()
                state.keys.removeAll { JournalKey.number(of: $0) < end }
                if state.full.isEmpty { state.first = end }
            }
            return Array(state.full.dropFirst(state.written).prefix(count))
        }
    }

    /// So many of the last chunk are in the file.
    func wrote(_ count: Int) {
        state.withLock { state in
            state.written += count
            guard !state.full.isEmpty, state.written >= state.full.count else { return }
            state.first = JournalKey.start(of: state.first) + JournalKey.block
            state.full = []
            state.written = 0
        }
    }
}

extension Tables {
    /// Rows of the index that one transaction writes for it: a fraction of a millisecond, or twice what it added, so
    /// that the tail grows shorter whatever comes.
    var keysPerTransaction: Int { max(256, 2 * counters.journalKeys.count) }

    /// Twice the same is harmless: after a failure nobody knows what was written.
    func index(_ keys: [Int64]) throws {
        var rest = keys[...]
        while rest.count >= 16 {
            try statements.write(
                """
                INSERT OR IGNORE INTO journal_keys VALUES (?), (?), (?), (?), (?), (?), (?), (?), (?), (?), (?), (?), \
                (?), (?), (?), (?)
                """
            ) { values in
                for (place, key) in rest.prefix(16).enumerated() { values.bind(Int32(place + 1), key) }
            }
            rest = rest.dropFirst(16)
        }
        for key in rest { try run("INSERT OR IGNORE INTO journal_keys VALUES (?)", [.integer(key)]) }
    }

    /// Reads the tail from the file: everything behind the last block that was begun.
    func load(_ tail: JournalTail) throws {
        let last = try first("SELECT max(key) FROM journal_keys", []) { $0.isNull(0) ? nil : $0.integer(0) } ?? nil
        let oldest = try first("SELECT min(number) FROM journal", []) { $0.isNull(0) ? nil : $0.integer(0) } ?? nil
        let start = JournalKey.start(of: last.map(JournalKey.number) ?? oldest ?? counters.journal.number + 1)
        var keys: [Int64] = []
        try statements.each("SELECT * FROM journal WHERE number >= ?", [.integer(start)]) { row in
            if let row = JournalRow(row) { JournalKey.add(row.entry, number: row.number, to: &keys) }
            return true
        }
        tail.load(first: start, newest: counters.journal.number, keys: keys)
    }
}
