public import Events
public import Pipeline

/// How often a chain of the shared journal is sealed, and how long its rows are kept.
public struct SealingRules: Sendable {
    public var keep: Duration
    /// Rows after which a segment is closed: what retention removes at once.
    public var segment: Int
    /// How long a row waits for a head at most.
    public var seal: Duration

    public init(keep: Duration = .days(30), segment: Int = 1_000, seal: Duration = .minutes(1)) {
        self.keep = keep
        self.segment = segment
        self.seal = seal
    }

    /// A chain whose writer has not sealed it for so long is another's to seal.
    public var patience: Duration { seal + seal + .minutes(1) }
}

/// A chain of the shared journal, as sealing and retention go by it: one for each start of a sidecar.
public struct ChainEnd: Sendable {
    /// The newest row, its hash, and the bytes of all rows so far.
    public let boot: Int64
    public let number: Int64
    public let hash: Digest
    public let bytes: Int64
    /// The newest head; 0 before the first. And the oldest row that heads have not given up.
    public let sealed: Int64
    public let sealedAt: Instant
    public let first: Int64
    /// The newest head that closed a segment, and the newest of those whose rows are old enough to go; 0 for none.
    public let closing: Int64
    public let aged: Int64
    /// When the oldest row behind `closing` was written, as far as that is known.
    public let open: Instant?

    public init(
        boot: Int64, number: Int64, hash: Digest, bytes: Int64, sealed: Int64, sealedAt: Instant, first: Int64,
        closing: Int64, aged: Int64, open: Instant?
    ) {
        self.boot = boot
        self.number = number
        self.hash = hash
        self.bytes = bytes
        self.sealed = sealed
        self.sealedAt = sealedAt
        self.first = first
        self.closing = closing
        self.aged = aged
        self.open = open
    }

    /// The head that is due, as in the embedded store: by rows, by time, or because rows may go.
    ///
    /// - Parameters:
    ///   - isOwn: false for the chain of a sidecar that is gone, as far as one can see.
    ///   - force: for any row of the own chain that no head covers.
    public func headToSeal(
        of store: String, _ rules: SealingRules, isOwn: Bool, force: Bool, at now: Instant
    ) -> UnsealedHead? {
        guard number > 0 else { return nil }
        let first = max(first, aged + 1)
        let rows = number - sealed
        let isDue = isOwn
            ? force || rows >= rules.segment || now - sealedAt >= rules.seal
            : now - max(sealedAt, open ?? sealedAt) >= rules.patience
        guard (isDue && rows > 0) || first > self.first else { return nil }
        let isFull = number - closing >= rules.segment || (open.map { $0 <= now - rules.keep / 32 } ?? false)
        return UnsealedHead(
            statement: HeadStatement(
                store: store, boot: boot, number: number, hash: hash, first: first, time: now),
            closes: isFull || number == first - 1, total: bytes)
    }
}
