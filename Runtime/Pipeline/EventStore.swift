public import Events

/// Everything that a store is to the sidecar: ledger, handler state, timers, outbox and journal as one unit of work,
/// and what keeps them in order. Embedded in one file for one sidecar, or shared by many.
public protocol EventStore: Ledger, HandlerState, TimerStore, Outbox, Intake, JournalReader, LedgerControl {
    /// One element soon after a commit, of whichever sidecar, that put rows into the outbox or made one due; several
    /// folded into one, and now and then one without a reason. For one consumer; ends when the store is closed.
    var outboxWrites: AsyncStream<Void> { get }
    /// The same for timers that were set, moved or removed.
    var timerChanges: AsyncStream<Void> { get }
    /// `nil` where what was committed outlives the pod: then nobody needs to wait for the bus.
    var receipts: (any PublicationReceipts)? { get }
    /// Seals the journal's chains.
    var heads: any JournalHeads { get }
    /// `nil` where the journal is checked beside the store, by its file.
    var auditor: (any JournalAuditor)? { get }

    /// Can it take writes? Throws why not, `store.*`. Asked every five seconds: cheap, and bounded in time.
    func check() async throws(Failure)
    /// What must happen every second or so for others to see what this sidecar did, and it what they did. Throws
    /// `store.*` while the store is away.
    func beat(at now: Instant) async throws(Failure)
    /// Removes the rows whose time is over, in steps between which others commit. Any sidecar may. Returns how many
    /// rows went.
    @discardableResult
    func sweep(at now: Instant) async throws(Failure) -> Int
    func size() async throws(Failure) -> StoreSize
    /// Takes effect with the next submission.
    func limitOutbox(_ limits: OutboxLimits) async
    /// Writes what operators and trials did into the journal. Who discards the letter of an event gives up what stands
    /// behind it, too. Throws `store.*`: nothing was written.
    func record(_ entries: [JournalEntry]) async throws(Failure)
    /// The letters that the store keeps because no queue takes them, or the publications that the bus did not take:
    /// for one visit.
    func shelf(_ place: LetterPlace) -> any DeadLetterBox
    /// Takes publications of the shelf back to the outbox, under the ids that were signed before.
    /// - Parameter clock: says when.
    func outboxTarget(_ clock: any WallClock) -> any RedriveTarget
    /// Commits what waits, and lets go. Calls after it throw `store.unavailable`.
    func close() async
}

extension EventStore {
    /// Writes into the journal what was decided of a handler's second build.
    public func record(
        _ outcome: JournalEntry.Outcome, of handler: HandlerID, generation: Int, at now: Instant
    ) async throws(Failure) {
        var entry = JournalEntry(time: now, kind: .trial, direction: .incoming, outcome: outcome)
        entry.code = outcome == .rolledBack ? FailureCode.pluginRolledBack.rawValue : ""
        entry.handler = handler.text
        entry.generation = generation
        try await record([entry])
    }
}

/// What happens in a store, as values: log lines and metrics derive from them. Told on threads of the store.
public enum StoreEvent: Sendable {
    /// One transaction: how many calls it served, and how long it took with its wait for the disk.
    case committed(calls: Int, took: Duration)
    /// What was asked of it failed, and is not tried again here.
    case failed(Failure)
    /// The embedded store has its file again.
    case reopened
    /// A connection to a shared store was made.
    case connected
    /// One round trip to a shared store, with so many statements or items.
    case exchanged(requests: Int)
    /// It was in vain, and goes once more.
    case repeated(Repeat)

    /// Why an exchange goes once more.
    public enum Repeat: String, Sendable, CaseIterable {
        /// The service takes so much and no more.
        case throttled
        /// Somebody else was at the same rows or items.
        case conflict
        /// No answer, or none that can be read.
        case unanswered
    }
}

/// How much a store holds.
public struct StoreSize: Sendable, Hashable {
    public struct Table: Sendable, Hashable {
        public let name: String
        public let rows: Int
        public init(_ name: String, _ rows: Int) {
            self.name = name
            self.rows = rows
        }
    }
    /// Of all sidecars, but for `claims` where they live in memory. Those of the embedded store and its names are
    /// the pattern: ledger, state, outbox, timers, letters, refusals, publications, journal, claims.
    public var tables: [Table]
    /// On the disk, or as the service counts them.
    public var bytes: Int
    /// False where rows are estimated, or counted now and then.
    public var isExact: Bool
    public init(tables: [Table], bytes: Int, isExact: Bool) {
        self.tables = tables
        self.bytes = bytes
        self.isExact = isExact
    }
    /// `nil` for a table that the store does not count.
    public subscript(name: String) -> Int? { tables.first { $0.name == name }?.rows }
}

/// What may wait for the bus; beyond it nothing more is taken from outside.
public struct OutboxLimits: Sendable, Hashable {
    public var rows: Int
    public var bytes: Int
    public init(rows: Int = Limits.outboxRows, bytes: Int = Limits.outboxBytes) {
        self.rows = rows
        self.bytes = bytes
    }
}

// MARK: - the journal's heads

/// Seals the journal's chain: see ``HeadStatement``.
public protocol JournalHeads: Sendable {
    /// One element soon after a segment became full. For one consumer; ends with the store.
    var fullSegments: AsyncStream<Void> { get }
    /// The head that is due: by rows, by time, or because rows may go; `nil` if none is.
    /// - Parameter force: also for a single row that no head covers.
    func headToSeal(force: Bool, at now: Instant) async throws(Failure) -> UnsealedHead?
    /// Writes the head down. From then on ``EventStore/sweep(at:)`` may remove what it gives up.
    /// - Parameter signature: `nil` where there is no key.
    func seal(_ head: UnsealedHead, _ signature: HeadSignature?) async throws(Failure)
}

/// A head of the journal that is due, before it is signed.
public struct UnsealedHead: Sendable {
    public let statement: HeadStatement
    /// It ends a segment, and stays; others go with the next head.
    public let closes: Bool
    /// Bytes of all rows so far, of those that are gone, too.
    public let total: Int64
    public init(statement: HeadStatement, closes: Bool, total: Int64) {
        self.statement = statement
        self.closes = closes
        self.total = total
    }
}

/// Compares every row of the journal with the one before it in its chain, and with the heads that were sealed.
public protocol JournalAuditor: Sendable {
    /// Reads all of the journal: for an operator's command. Throws `store.*`.
    /// - Parameter verifies: `nil` for an unknown key; without it signatures are counted and not checked.
    func audit(
        _ verifies: (@Sendable (HeadSignature, HeadStatement) -> Bool?)?
    ) async throws(Failure) -> JournalAudit
}

extension JournalAuditor {
    public func audit() async throws(Failure) -> JournalAudit { try await audit(nil) }
}

public struct JournalAudit: Sendable, Hashable {
    /// What is wrong with a chain, where that begins.
    public struct Break: Sendable, Hashable {
        public enum Kind: String, Sendable, CaseIterable {
            /// The row is not what its hash was made of, or not behind the one before it.
            case changed
            case missing
            /// Rows that no head gave up.
            case beginning
            /// A head, or the writer, says that there were rows behind the last one.
            case tail
            /// The rows are a chain, and not the one that the head was made of.
            case rewritten
            /// The kept payload is not the one that the row names.
            case payload
            case signature
            case unknownKey = "unknown-key"
        }
        /// The chain; 0 for the numbers over all of them.
        public let boot: Int64
        /// The last row's number before the break, or the row's own; 0 where it has none.
        public let number: Int64
        /// The row's place in its chain.
        public let place: Int64
        public let kind: Kind
        public init(boot: Int64, number: Int64, place: Int64 = 0, kind: Kind = .changed) {
            self.boot = boot
            self.number = number
            self.place = place
            self.kind = kind
        }

        public var words: String {
            switch kind {
            case .changed: "row \(place) was changed: its hash does not fit it"
            case .missing: "rows from \(place) on are missing"
            case .beginning: "rows from \(place) on are missing from the beginning, and no head gave them up"
            case .tail: "rows from \(place) on are missing from the end"
            case .rewritten: "row \(place) is not the one that its head was made of: hashes were made again"
            case .payload: "the payload that row \(place) keeps is not the one that it names"
            case .signature: "the head at row \(place) has a bad signature"
            case .unknownKey: "the head at row \(place) is signed by a key that was not given"
            }
        }
    }
    public var rows: Int
    /// One for each start of a sidecar that wrote.
    public var chains: Int
    public var heads: Int
    /// Of those.
    public var signed: Int
    /// Rows behind the newest heads of their chains: nothing vouches for them yet.
    public var unsealed: Int
    /// The first of each chain that is not whole, at most ``Limits/journalPage``.
    public var breaks: [Break]
    public init(
        rows: Int = 0, chains: Int = 0, heads: Int = 0, signed: Int = 0, unsealed: Int = 0, breaks: [Break] = []
    ) {
        self.rows = rows
        self.chains = chains
        self.heads = heads
        self.signed = signed
        self.unsealed = unsealed
        self.breaks = breaks
    }
}
