public import Events
public import Pipeline
import StoreCommon

/// The embedded store: ledger, handler state, outbox, timers, dead-letter shelf and journal in one SQLite file, for
/// exactly one sidecar.
///
/// Every function may be called from any task. Claims live in memory and end with the process; all else is committed
/// in transactions that concurrent calls share. When SQLite fails, the connection is given up, the next call opens
/// another and asks the file what was committed before anything is answered: so the store recovers by itself when the
/// cause is gone.
public final class SQLiteStore: Ledger, HandlerState, TimerStore, Outbox, PublicationReceipts, Sendable {
    public let options: StoreOptions
    let core: StoreCore
    let archive: JournalArchive
    let signals: StoreSignals

    /// One element soon after a commit that put rows into the outbox or made a row the oldest of its resource;
    /// several may be folded into one. For one consumer; ends when the store is closed.
    public var outboxWrites: AsyncStream<Void> { signals.outboxWrites }
    /// The same for timers that were set, moved or removed.
    public var timerChanges: AsyncStream<Void> { signals.timerChanges }

    private init(_ options: StoreOptions, core: StoreCore, archive: JournalArchive, signals: StoreSignals) {
        self.options = options
        self.core = core
        self.archive = archive
        self.signals = signals
    }

    /// Opens the file, or creates it, and checks it whole. Blocks while it does.
    ///
    /// - Throws: `store.locked` while another process has it, `store.newer`, `store.corrupt`, `store.full`, and
    ///   `store.unavailable` where files cannot be made or written.
    public static func open(_ options: StoreOptions) throws(Failure) -> SQLiteStore {
        let lock = try StoreLock(path: options.path + ".lock")
        // What is left by a volume that lost its files is no empty store: everything would run again.
        if options.durability == .durable, lock.isMarked, Volume.size(of: options.path) == 0 {
            let cause = "a store was here and is gone; to begin with an empty one remove \(options.path).lock, too"
            throw Failure(.storeCorrupt, options.path, cause)
        }
        let connection = try Connection(options, after: nil)
        try lock.mark()
        let signals = StoreSignals(segment: options.journal.segment)
        let tail = JournalTail()
        let core = try StoreCore(
            options, executor: StoreExecutor(), lock: lock, connection: connection, signals: signals, tail: tail)
        let archive = JournalArchive(path: options.path, executor: StoreExecutor("outrigger.journal"), tail: tail)
        return SQLiteStore(options, core: core, archive: archive, signals: signals)
    }

    /// Commits what waits, closes the file and gives the lock back. Calls after it throw `store.unavailable`.
    public func close() async {
        await archive.close()
        await core.close()
    }

    /// Compares the volume's free space with the low-water mark: throws `store.full` below it. Cheap, does not block
    /// on the store.
    public func capacity() throws(Failure) {
        let free = try Volume.freeBytes(at: options.path)
        guard free >= options.lowWater else {
            throw Failure(.storeFull, options.path, "\(free) bytes are free, the low-water mark is \(options.lowWater)")
        }
    }

    /// Can the store take writes? ``capacity()``, and after a failure a write that tries it.
    public func check() async throws(Failure) {
        try capacity()
        if await core.isTroubled { try await core.enqueue(.touch) }
    }

    public func statistics() async throws(Failure) -> StoreStatistics { try await core.statistics() }

    /// Removes the rows whose time is over, in transactions of a bounded number of rows, between which others commit.
    ///
    /// - Returns: how many rows went.
    @discardableResult
    public func sweep(at now: Instant) async throws(Failure) -> Int {
        var total = 0
        while true {
            let count = try await core.sweep(at: now)
            total += count
            if count == 0 { return total }
        }
    }

    // MARK: - Ledger

    public func claim(_ requests: [ClaimRequest], at now: Instant) async throws(Failure) -> [Claim] {
        try await core.claim(requests, at: now)
    }

    public func renew(_ leases: [Lease], until: Instant) async -> [Bool] {
        await core.renew(leases, until: until)
    }

    public func release(_ leases: [Lease]) async { await core.release(leases) }

    public func commit(_ commitments: [Commitment], at now: Instant) async throws(Failure) -> [CommitResult] {
        try await core.commit(commitments, at: now)
    }

    public func refuse(_ refusals: [Refusal], at now: Instant) async throws(Failure) {
        try await core.enqueue(.refuse(refusals, at: now))
    }

    // MARK: - HandlerState

    public func read(_ keys: [Bytes], of handler: HandlerID, at now: Instant) async throws(Failure) -> [StateValue] {
        try await core.state(keys, of: handler, at: now)
    }

    // MARK: - TimerStore

    public func due(
        of handlers: Set<HandlerID>, at now: Instant, atMost count: Int
    ) async throws(Failure) -> [Event] {
        try await core.dueTimers(of: handlers, atMost: count, at: now)
    }

    public func next(of handlers: Set<HandlerID>) async throws(Failure) -> Instant? {
        try await core.nextTimer(of: handlers)
    }

    public func strays(beside handlers: Set<HandlerID>, at now: Instant) async throws(Failure) -> Int {
        try await core.read { tables in try tables.strayTimers(beside: handlers, at: now) }
    }

    // MARK: - Outbox

    public func due(
        atMost count: Int, excluding: Set<Int64>, at now: Instant
    ) async throws(Failure) -> [Publication] {
        try await core.read { tables in try tables.duePublications(atMost: count, excluding: excluding, at: now) }
    }

    public func settle(_ results: [PublicationResult], at now: Instant) async throws(Failure) {
        try await core.enqueue(.settle(results, at: now))
    }

    public func depth() async throws(Failure) -> OutboxDepth { try await core.outboxDepth() }

    // MARK: - PublicationReceipts

    /// Rings are waited for before the file is asked, so that an end between the two is heard.
    public func sent(_ parent: EventID) async -> Failure? {
        let rings = signals.publicationEnds(of: parent.text)
        defer { rings.end() }
        return await end(of: parent.text, rings) { tables in try tables.publicationsEnd(of: parent) }
    }

    /// The same for those from outside: returns when none of them waits any more.
    func sent(_ ids: [String]) async -> Failure? {
        for id in ids {
            let rings = signals.publicationEnds(of: id)
            defer { rings.end() }
            if let failure = await end(of: id, rings, { try $0.publicationsEnd(of: id) }) { return failure }
        }
        return nil
    }

    private func end(
        of name: String, _ rings: StoreSignals.Rings, _ ask: @Sendable (Tables) throws -> PublicationsEnd?
    ) async -> Failure? {
        do throws(Failure) {
            if let end = try await core.read(ask) { return end.failure }
            for await _ in rings.stream {
                if let end = try await core.read(ask) { return end.failure }
            }
            throw Failure(.storeUnavailable, options.path, "closed before the bus had what \(name) published")
        } catch { return error }
    }
}
