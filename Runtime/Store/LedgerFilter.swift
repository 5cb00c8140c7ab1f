import Events

/// Which keys the file's index of the ledger may have. Nearly all that is claimed is new, and a look-up in vain costs
/// a page of the b-tree: most of them are answered from here.
///
/// A split block Bloom filter (Apache Parquet, BloomFilter.md): a key has one block of eight words, and one bit in each
/// of them. A key that was added is never denied; one that went stays, until the filter is made anew from the index:
/// beside the one that answers, some keys with each transaction. At a start there is none, and everything may be there.
struct LedgerFilter {
    typealias Block = SIMD8<UInt32>

    /// Bits for each row of the ledger, when one is made: it is made again when it has twice as many.
    private static let bitsPerRow = 32
    /// Keys that are read from the index with one transaction at least, while one is made.
    private static let step = 512
    /// Rows for which it has room at least.
    private static let least = 4_096

    /// Empty where none answers.
    private var blocks: [Block] = []
    /// Keys that were added, once or more.
    private var count = 0
    private var countWhenMade = 0
    private var making: Making?

    /// One that is made: it has what the index has up to a key, and what was added meanwhile.
    private struct Making {
        var blocks: [Block]
        /// The last key that was read; `nil` for none.
        var behind: Int64?
        var count = 0

        mutating func add(_ key: Int64) {
            LedgerFilter.add(key, to: &blocks)
            count += 1
        }
    }

    func mayHave(_ key: Int64) -> Bool {
        if blocks.isEmpty { return true }
        let mask = Self.mask(key)
        return blocks[Self.place(key, in: blocks.count)] & mask == mask
    }

    /// The key is in the index.
    mutating func add(_ key: Int64) {
        if !blocks.isEmpty { Self.add(key, to: &blocks) }
        count += 1
        making?.add(key)
    }

    // MARK: - making one

    /// Where the index is read on for the filter that is made.
    struct Reading {
        /// The last key that was read; `nil` for none.
        let behind: Int64?
        /// Keys, at most.
        let count: Int
    }

    /// `nil` where none is made and none is due.
    /// - Parameters:
    ///   - rows: of the ledger, about.
    ///   - added: keys that are added with the same transaction: it reads more than that, so that it comes to an end.
    mutating func reading(rows: Int, added: Int) -> Reading? {
        if making == nil, blocks.isEmpty || count >= 2 * max(countWhenMade, Self.least) {
            let bits = min(max(rows, Self.least) * Self.bitsPerRow, 8 * Limits.ledgerFilterBytes)
            making = Making(blocks: Array(repeating: Block(), count: bits / 256))
        }
        return making.map { Reading(behind: $0.behind, count: max(Self.step, 4 * added)) }
    }

    /// These are the next keys of the index; fewer than were asked for are the last.
    mutating func read(_ keys: [Int64], _ reading: Reading) {
        for key in keys { making?.add(key) }
        if let last = keys.last { making?.behind = last }
        guard keys.count < reading.count, let made = making else { return }
        (blocks, count, countWhenMade) = (made.blocks, made.count, made.count)
        making = nil
    }

    // MARK: - keys to bits

    /// Odd numbers that spread what a key has, one for each word (as above).
    private static let salt = Block(
        0x47B6_137B, 0x4497_4D91, 0x8824_AD5B, 0xA2B7_289D, 0x7054_95C7, 0x2DF1_424B, 0x9EFC_4947, 0x5C6B_FB31)

    private static func mask(_ key: Int64) -> Block {
        let low = Block(repeating: UInt32(truncatingIfNeeded: key))
        return Block(repeating: 1) &<< ((low &* salt) &>> 27)
    }

    private static func place(_ key: Int64, in count: Int) -> Int {
        Int(((UInt64(bitPattern: key) >> 32) &* UInt64(count)) >> 32)
    }

    private static func add(_ key: Int64, to blocks: inout [Block]) {
        blocks[place(key, in: blocks.count)] |= mask(key)
    }
}
