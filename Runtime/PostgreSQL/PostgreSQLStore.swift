public import Events
public import Pipeline
import StoreCommon
import Synchronization

/// The store that many sidecars share: ledger, handler state, outbox, timers, dead-letter shelf and journal in one
/// schema of a PostgreSQL database.
///
/// Every function may be called from any task. Claims are rows there and end by the server's clock; all else is
/// committed by one connection, in transactions that concurrent calls share. A call that gets no answer in time throws
/// `store.unavailable`; the next one connects again, so the store recovers by itself when the cause is gone.
public final class PostgreSQLStore: Sendable {
    public let options: PostgreSQLOptions
    /// Names the store in signed heads: the same for all sidecars.
    public let id: String
    /// This start of this sidecar: names its chain in the journal, and what it has in hand.
    public let boot: Int64
    let clock: any WallClock
    let pool: LanePool
    let writer: Writer
    let signals: Signals
    private let listener: Listener
    let book: Mutex<ClaimBook>
    let pendingState = Mutex<[StateKey: PendingValue]>([:])
    /// What this relay was given to send.
    let held = Mutex<[Int64: HeldPublication]>([:])
    let outboxLimits = Mutex(OutboxLimits())
    /// When chains of others were looked at last.
    let lookedAt = Mutex(Instant.distantPast)
    private let trouble: Trouble

    /// One element soon after a commit, of any sidecar, that put rows into the outbox, and now and then without one.
    /// For one consumer; ends when the store is closed.
    public var outboxWrites: AsyncStream<Void> { signals.outboxWrites }
    /// The same for timers that were set, moved or removed.
    public var timerChanges: AsyncStream<Void> { signals.timerChanges }

    private init(_ options: PostgreSQLOptions, _ opening: Opening, clock: any WallClock) {
        let trouble = Trouble()
        let options = options.telling(trouble)
        self.trouble = trouble
        self.options = options
        self.clock = clock
        id = opening.store
        boot = opening.boot
        signals = Signals(segment: options.journalSegment)
        pool = LanePool(options)
        let chain = Chain(store: opening.store, boot: opening.boot, name: options.name)
        writer = Writer(options, chain: chain, signals: signals)
        listener = Listener(options, boot: opening.boot, signals: signals)
        book = Mutex(ClaimBook(boot: opening.boot))
    }

    /// Connects, makes the schema or looks at it, and begins a chain of the journal.
    ///
    /// - Throws: `store.newer`, and `store.unavailable` where the server cannot be reached, refuses the user, takes no
    ///   writes, or has no schema that may be made.
    public static func open(
        _ options: PostgreSQLOptions, clock: any WallClock
    ) async throws(Failure) -> PostgreSQLStore {
        try check(options)
        let lane = Lane(options)
        let opening = try await lane.begin { session throws(Failure) in try Opening(session, options) }
        await lane.close()
        let store = PostgreSQLStore(options, opening, clock: clock)
        store.listener.start()
        return store
    }

    /// Commits what waits and closes all connections. Calls after it throw `store.unavailable`.
    public func close() async {
        listener.stop()
        await writer.close()
        await pool.close()
        signals.finish()
    }

    /// The name goes into statements as it is.
    static func check(_ options: PostgreSQLOptions) throws(Failure) {
        let name = options.schema.utf8
        let isName = name.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
        guard isName, let first = name.first, !(0x30...0x39).contains(first), name.count <= 48 else {
            throw Failure(.settingsInvalid, "store.schema", "lower-case letters, digits and underscores, at most 48")
        }
    }

    /// Can the store take writes? Asks the server; after a failure with a write that tries it, so that a disk that is
    /// full stays full until it has room again.
    public func check() async throws(Failure) {
        // What fails meanwhile counts again.
        let failures = trouble.failures.load(ordering: .acquiring)
        let isTroubled = trouble.overcome.load(ordering: .acquiring) != failures
        let question = Statement(isTroubled ? "SELECT prove_room()" : "SELECT 1", [])
        for answer in try await writer.perform([Part(effects: [question])]) { _ = try require(answer) }
        if isTroubled { trouble.overcome.store(failures, ordering: .releasing) }
    }

    /// Removes the rows whose time is over, in transactions of a bounded number of rows, and those of the journal that
    /// heads gave up. Any sidecar may; what one has in hand another passes over.
    ///
    /// - Returns: how many rows went.
    @discardableResult
    public func sweep(at now: Instant) async throws(Failure) -> Int {
        try await numberRows()
        book.withLock { $0.sweep(at: now) }
        let keep = options.journalKeep.milliseconds
        var total = 0
        while true {
            let rows = try await pool.run { session throws(ServerFailure) in
                try session.run([
                    Statement(
                        "SELECT sweep($1, $2, $3)",
                        [.instant(now), .integer(keep), .number(Self.sweepRows)])
                ])
            }
            let count = rows.first?.first?.number(0) ?? 0
            total += count
            if count < Self.sweepRows { return total }
        }
    }

    /// Rows that one sweep removes from each table: some milliseconds, so that nobody waits long behind it.
    private static let sweepRows = 1_000
}

/// Exchanges that failed, and how many of them lie before the last write that proved the store to be well.
private final class Trouble: Sendable {
    let failures = Atomic(0)
    let overcome = Atomic(0)
}

extension PostgreSQLOptions {
    fileprivate func telling(_ trouble: Trouble) -> PostgreSQLOptions {
        var options = self
        options.observer = { [observer] event in
            if case .failed = event { trouble.failures.wrappingAdd(1, ordering: .releasing) }
            observer?(event)
        }
        return options
    }
}

/// What the opening of a store finds and makes.
private struct Opening: Sendable {
    let store: String
    let boot: Int64

    init(_ session: Session, _ options: PostgreSQLOptions) throws(Failure) {
        if options.migrates { try Schema.upgrade(session, options.schema) }
        try Schema.require(session, options.schema)
        let rows = try session.ask("SELECT value, nextval('boots') FROM meta WHERE key = 'store'", [])
        guard let row = rows.first else { throw Failure(.storeCorrupt, session.place, "the store has no id") }
        store = row.text(0)
        boot = row.integer(1)
        try Chain(store: store, boot: boot, name: options.name).begin(on: session)
    }
}
