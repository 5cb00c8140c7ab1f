public import Pipeline

/// Where the store lives, what it promises, and how long it keeps what nobody needs any more.
public struct StoreOptions: Sendable {
    public enum Durability: String, Sendable, CaseIterable {
        /// The volume outlives the pod: every commit is on the disk before it is answered (`synchronous=FULL`).
        case durable
        /// The file ends with the pod: nothing waits for the disk (`synchronous=OFF`).
        case ephemeral
    }

    /// The database file. Beside it lie `-wal`, `-shm` and `.lock`.
    public var path: String
    public var durability: Durability
    /// Free bytes of the volume below which ``SQLiteStore/check()`` answers `store.full`.
    public var lowWater: Int
    public var journal: JournalOptions
    /// Keys of the ledger that are put into the file's index at once.
    var ledgerBlock = LedgerTail.block
    /// Hears what the store did, on the store's own thread: it must not block.
    public var observer: (@Sendable (StoreEvent) -> Void)?

    public init(
        path: String, durability: Durability, lowWater: Int = 67_108_864,
        journal: JournalOptions = JournalOptions(),
        observer: (@Sendable (StoreEvent) -> Void)? = nil
    ) {
        self.path = path
        self.durability = durability
        self.lowWater = lowWater
        self.journal = journal
        self.observer = observer
    }
}

/// How much the store holds.
public struct StoreStatistics: Sendable, Hashable {
    /// Rows by table.
    public var ledger = 0
    public var state = 0
    public var outbox = 0
    public var timers = 0
    public var letters = 0
    public var refusals = 0
    public var publications = 0
    /// Idempotency keys.
    public var submissions = 0
    /// FIFO groups that stand behind an event that failed for good.
    public var parked = 0
    public var permits = 0
    public var journal = 0
    /// Claims in memory.
    public var claims = 0
    /// Bytes of the database file and of its write-ahead log.
    public var bytes = 0
    public init() {}
}
