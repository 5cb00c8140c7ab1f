import Cryptography
public import Events
import Glibc
public import Pipeline

/// What is wrong with a journal, each a thing to look for by number.
public enum JournalFinding: Sendable, Hashable {
    /// Rows that the numbers around them say there were; `isSegment`: whole segments, heads and all.
    case missing(ClosedRange<Int64>, isSegment: Bool)
    /// Rows that the newest head says are kept, before the first that is there.
    case beginning(ClosedRange<Int64>)
    /// Rows that a head vouches for, behind the last that is there.
    case tail(ClosedRange<Int64>)
    /// The row is not what its hash was made of, or not behind the one before it.
    case changed(Int64)
    /// The rows up to here are a chain, but not the one that the head was made of: since `after`, the last head that
    /// fits, one was changed and the hashes made again.
    case rewritten(head: Int64, after: Int64)
    /// The kept payload is not the one that the row names.
    case payload(Int64)
    /// The writer's chain does not begin where its predecessor's ended.
    case writer(boot: Int64)
    case signature(head: Int64, keyID: String)
    case unknownKey(head: Int64, keyID: String)
    case unsigned(head: Int64)
    /// The row that was expected is not there, or is another.
    case expected(Int64, isThere: Bool)

    public var words: String {
        switch self {
        case .missing(let rows, let isSegment):
            isSegment
                ? "rows \(Self.text(rows)) are missing: a whole segment" : "rows \(Self.text(rows)) are missing: a gap"
        case .beginning(let rows): "rows \(Self.text(rows)) are missing from the beginning, and no head gave them up"
        case .tail(let rows): "rows \(Self.text(rows)) are missing from the end: a head says that they were there"
        case .changed(let row): "row \(row) was changed: its hash does not fit it"
        case .rewritten(let head, let after):
            "head \(head) does not fit row \(head): a row from \(after + 1) on was changed, and the hashes made again"
        case .payload(let row): "the payload that row \(row) keeps is not the one that it names"
        case .writer(let boot): "the chain of boot \(boot) does not begin where the one before ended"
        case .signature(let head, let keyID): "head \(head) has a bad signature by key \(keyID)"
        case .unknownKey(let head, let keyID): "head \(head) is signed by key \(keyID), which was not given"
        case .unsigned(let head): "head \(head) is not signed"
        case .expected(let row, let isThere):
            isThere
                ? "row \(row) has another hash than expected" : "row \(row) is not there, and was expected: a cut tail"
        }
    }

    private static func text(_ rows: ClosedRange<Int64>) -> String {
        rows.count == 1 ? "\(rows.lowerBound)" : "\(rows.lowerBound) to \(rows.upperBound)"
    }
}

/// A head as it stands in the file.
public struct SealedHead: Sendable, Hashable {
    public let statement: HeadStatement
    /// `nil`: it was sealed without a key.
    public let signature: HeadSignature?
    let closes: Bool
}

/// What a walk over a journal saw.
public struct JournalReport: Sendable {
    public var store = ""
    public var rows = 0
    /// The first and the last row; `nil` for a journal without rows.
    public var range: ClosedRange<Int64>?
    /// Rows before this one were given up by a head and are not looked at.
    public var first: Int64 = 1
    public var heads = 0
    public var signed = 0
    public var newestHead: SealedHead?
    /// Rows behind the newest head: nothing vouches for them yet.
    public var unsealed = 0
    /// At most ``atMost``.
    public var findings: [JournalFinding] = []
    public var isCut = false
    static let atMost = 1_000

    mutating func add(_ finding: JournalFinding) {
        if findings.count < Self.atMost { findings.append(finding) } else { isCut = true }
    }
}

/// Reads a journal as it lies in its file, also while a sidecar writes to it, and compares everything with everything.
public struct JournalCheck {
    private let path: String
    private let verifies: (@Sendable (HeadSignature, HeadStatement) -> Bool?)?
    private let expected: [(number: Int64, hash: Digest)]

    /// - Parameters:
    ///   - verifies: `nil` for an unknown key; without it signatures are counted and not checked.
    ///   - expected: rows that somebody outside knows of.
    public init(
        path: String, expected: [(number: Int64, hash: Digest)] = [],
        verifies: (@Sendable (HeadSignature, HeadStatement) -> Bool?)? = nil
    ) {
        self.path = path
        self.expected = expected
        self.verifies = verifies
    }

    /// Blocks for as long as it takes: some microseconds a row.
    /// - Throws: `store.unavailable`, `store.corrupt`.
    public func run() throws(Failure) -> JournalReport {
        try Self.reading(path) { statements in
            var walk = try JournalWalk(statements)
            try walk.checkWriters(statements)
            if let verifies { walk.checkSignatures(verifies) }
            try walk.checkRows(statements, expected)
            return walk.report
        }
    }

    /// The newest head of a journal.
    public static func newestHead(of path: String) throws(Failure) -> SealedHead? {
        try reading(path) { try JournalWalk($0).report.newestHead }
    }

    private static func reading<T>(_ path: String, _ body: (Statements) throws -> T) throws(Failure) -> T {
        guard access(path, R_OK) == 0 else {
            throw Failure(.storeUnavailable, path, String(cString: strerror(errno)))
        }
        let connection = try ReadConnection(path, isAlone: access(path + "-wal", F_OK) != 0)
        defer { connection.close() }
        return try connection.read { statements in
            var owner: Int64 = 0
            try statements.each("PRAGMA application_id", []) { row in
                owner = row.integer(0)
                return false
            }
            guard owner == Schema.applicationID else { throw Failure(.storeCorrupt, path, "the file is no store") }
            return try body(statements)
        }
    }
}
