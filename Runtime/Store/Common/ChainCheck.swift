import Cryptography
public import Events
public import Pipeline

/// A head as a shared store has it.
public struct ChainHead: Sendable {
    public let statement: HeadStatement
    /// `nil`: it was sealed without a key.
    public let signature: HeadSignature?
    public init(statement: HeadStatement, signature: HeadSignature?) {
        self.statement = statement
        self.signature = signature
    }
}

/// Compares the rows of one chain of the shared journal with each other, and with the heads that were sealed of them.
///
/// Found are: a row that was changed or removed, hashes that were made again, a beginning that no head gave up, an end
/// that is cut behind a head or before what the writer has said, and signatures that do not fit. Of a chain the first
/// is told.
public struct ChainCheck: Sendable {
    private let boot: Int64
    private let heads: [ChainHead]
    private let end: Int64
    private var nextHead = 0
    private var place: Int64
    /// `nil`: unknown, so that the next row is taken as it is.
    private var hash: Digest?
    private var number: Int64 = 0
    public private(set) var rows = 0
    public private(set) var found: JournalAudit.Break?

    /// - Parameters:
    ///   - genesis: what the first row is chained to.
    ///   - first: the oldest row that is kept.
    ///   - end: the newest row, as the writer has said.
    ///   - heads: by their rows, the lowest first.
    public init(boot: Int64, genesis: Digest, first: Int64, end: Int64, heads: [ChainHead]) {
        self.boot = boot
        self.heads = heads
        self.end = end
        place = first - 1
        hash = first == 1 ? genesis : heads.first { $0.statement.number == first - 1 }?.statement.hash
        nextHead = heads.firstIndex { $0.statement.number >= first } ?? heads.count
    }

    public mutating func verify(_ verifies: (HeadSignature, HeadStatement) -> Bool?) {
        for head in heads {
            guard let signature = head.signature else { continue }
            switch verifies(signature, head.statement) {
            case true?: break
            case false?: tell(.signature, at: head.statement.number)
            case nil: tell(.unknownKey, at: head.statement.number)
            }
        }
    }

    /// The next row of the chain, in order of its place there.
    public mutating func add(_ row: JournalRow, at place: Int64) {
        guard place > self.place else { return }
        rows += 1
        number = row.number
        if place != self.place + 1 {
            tell(rows == 1 ? .beginning : .missing, at: self.place + 1)
            hash = nil
        }
        if let hash, JournalChain.hash(of: row.entry, number: place, boot: boot, after: hash) != row.hash {
            tell(.changed, at: place)
        }
        if let body = row.body, let payload = row.entry.payload, Hash.sha256(body) != payload {
            tell(.payload, at: place)
        }
        (self.place, hash) = (place, row.hash)
        while nextHead < heads.count, heads[nextHead].statement.number <= place {
            let head = heads[nextHead].statement
            nextHead += 1
            if head.number == place, head.hash != row.hash { tell(.rewritten, at: place) }
        }
    }

    /// Behind the last row.
    public mutating func finish() {
        let known = max(heads.last?.statement.number ?? 0, end)
        if known > place { tell(.tail, at: place + 1) }
    }

    private mutating func tell(_ kind: JournalAudit.Break.Kind, at place: Int64) {
        guard found == nil else { return }
        found = JournalAudit.Break(boot: boot, number: number, place: place, kind: kind)
    }
}
