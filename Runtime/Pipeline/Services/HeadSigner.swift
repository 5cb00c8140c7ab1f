public import Events

/// What the journal was at one moment: a row's number and hash, and from which row on it is kept. This is what a
/// signature over a head says.
public struct HeadStatement: Sendable, Hashable {
    /// The store's own id, and the boot of the writer: they name the chain.
    public let store: String
    public let boot: Int64
    /// The row, and its hash.
    public let number: Int64
    public let hash: Digest
    /// The oldest row that is kept: those before it may be missing, no other.
    public let first: Int64
    public let time: Instant

    public init(store: String, boot: Int64, number: Int64, hash: Digest, first: Int64, time: Instant) {
        self.store = store
        self.boot = boot
        self.number = number
        self.hash = hash
        self.first = first
        self.time = time
    }

    /// The bytes that are signed: ASCII, for anybody to make again.
    public var bytes: [UInt8] {
        Array(
            """
            outrigger.journal.head/1 store=\(store) boot=\(boot) number=\(number) hash=\(hash.hexadecimal) \
            first=\(first) time=\(time.unixMilliseconds)
            """.utf8)
    }
}

public struct HeadSignature: Sendable, Hashable {
    public let keyID: String
    public let bytes: [UInt8]
    public init(keyID: String, bytes: [UInt8]) {
        self.keyID = keyID
        self.bytes = bytes
    }
}

/// Signs the journal's heads.
public protocol HeadSigner: Sendable {
    /// Throws `publish.signing`.
    func sign(_ head: HeadStatement) async throws(Failure) -> HeadSignature
}
