public import Events
public import Pipeline
import StoreCommon
import Synchronization

/// Where the shared store is, and how long it keeps what nobody needs any more.
public struct DynamoDBOptions: Sendable {
    /// The table's name or ARN.
    public var table: String
    /// How far the clocks of two sidecars may be apart. A lease that has ended is taken over only so much later.
    public var skew: Duration
    /// How long a call is tried again, without an answer or throttled, before the store counts as away.
    public var patience: Duration
    /// How long rows of the journal live.
    public var journalKeep: Duration
    /// Rows of a chain after which a head closes a segment.
    public var journalSegment: Int
    /// How long a row waits for a head of its chain at most.
    public var journalSeal: Duration
    public var keepsPayloads: Bool
    /// Hears what the store did, on whichever thread: it must not block.
    public var observer: (@Sendable (StoreEvent) -> Void)?

    public init(
        table: String, skew: Duration = .seconds(5), patience: Duration = .seconds(5),
        journalKeep: Duration = .days(30), journalSegment: Int = 1_000, journalSeal: Duration = .minutes(1),
        keepsPayloads: Bool = false, observer: (@Sendable (StoreEvent) -> Void)? = nil
    ) {
        self.table = table
        self.skew = skew
        self.patience = patience
        self.journalKeep = journalKeep
        self.journalSegment = journalSegment
        self.journalSeal = journalSeal
        self.keepsPayloads = keepsPayloads
        self.observer = observer
    }
}

/// The shared store in one table of DynamoDB: ledger, handler state, outbox, timers and journal for all sidecars of a
/// service.
///
/// Every function may be called from any task. Claims are items with a lease, by the claimant's clock; what an event
/// did is committed in one transaction that has its fence as a condition. Decisions/0020 tells what is promised, and
/// what DynamoDB's limits refuse.
public final class DynamoDBStore: Ledger, HandlerState, TimerStore, Sendable {
    public let options: DynamoDBOptions
    let client: TableClient
    let lane: CommitLane
    let writers: Writers
    let signals: TableSignals
    let clock: any WallClock
    let memory: Mutex<Memory>
    let outbox: Mutex<OutboxMemory>
    let sealingMemory = Mutex(HeadMemory())
    let idling = Mutex(Idling())
    private let numbers: Mutex<UInt64>

    /// What this sidecar knows of its own claims, and the writes of those that are being committed.
    struct Memory: Sendable {
        var held: [UInt64: HeldClaim] = [:]
        var committed = CommittedFences()
        var pendingState: [StateKey: PendingValue] = [:]
        /// Timers by the ids of the events that they became.
        var timers: [String: ItemKey] = [:]
        var timerHandlers: Set<HandlerID> = []
        var outboxLimits = OutboxLimits()
        /// The journal's last number at the last beat.
        var newest: Int64 = 0
        /// Claims that are being asked for.
        var asking: Set<UInt64> = []
    }

    /// One element soon after a commit of this sidecar put entries into the outbox, and with every beat that finds any.
    /// For one consumer; ends when the store is closed.
    public var outboxWrites: AsyncStream<Void> { signals.outboxWrites }
    /// The same for timers.
    public var timerChanges: AsyncStream<Void> { signals.timerChanges }

    private init(
        _ options: DynamoDBOptions, _ client: TableClient, _ writers: Writers, tail: Writers.Tail, clock: any WallClock
    ) {
        self.options = options
        self.client = client
        self.writers = writers
        self.clock = clock
        signals = TableSignals(segment: options.journalSegment)
        numbers = Mutex(UInt64(clamping: tail.boot) << 40)
        memory = Mutex(Memory())
        outbox = Mutex(OutboxMemory())
        lane = CommitLane(client, writers, tail: tail, clock: clock, signals: signals) { () throws(AWSError) in
            try await TableMeta.boot(client).boot
        }
    }

    /// Looks whether the table is as it must be, and joins those who use it.
    ///
    /// - Throws: `store.unfit` for a table that lacks something, `store.newer` for one of another schema,
    ///   `store.unavailable` for all else.
    public static func open(
        _ options: DynamoDBOptions, _ session: AWSSession, clock: any WallClock
    ) async throws(Failure) -> DynamoDBStore {
        let client = TableClient(
            session: session, table: options.table, patience: options.patience, observer: options.observer)
        func ask<T>(_ body: () async throws(AWSError) -> T) async throws(Failure) -> T {
            do throws(AWSError) { return try await body() } catch { throw error.ofTable(options.table) }
        }
        let problems = try await ask { () throws(AWSError) in try await TableCheck.problems(client) }
        guard problems.isEmpty else {
            throw Failure(.storeUnfit, options.table, problems.joined(separator: "; "))
        }
        let meta = try await ask { () throws(AWSError) in try await TableMeta.boot(client) }
        guard meta.schema == TableLayout.schema else {
            throw Failure(
                .storeNewer, options.table, "schema \(meta.schema), this version knows \(TableLayout.schema)")
        }
        let writers = Writers(client: client, store: meta.store, keep: options.journalKeep)
        let tail = try await ask { () throws(AWSError) in try await writers.join(boot: meta.boot, at: clock.now) }
        return DynamoDBStore(options, client, writers, tail: tail, clock: clock)
    }

    /// Calls that write throw `store.unavailable` from then on.
    public func close() async {
        await lane.close()
        signals.finish()
    }

    /// Fences and versions never repeat: the boot stands in the upper bits, a count in the others.
    func nextNumber() -> UInt64 {
        numbers.withLock { number in
            number += 1
            return number
        }
    }

    /// Whether this sidecar made the number.
    func isOurs(_ number: UInt64) -> Bool { number >> 40 == UInt64(clamping: lane.owner) }

    func call<T>(_ body: () async throws(AWSError) -> T) async throws(Failure) -> T {
        do throws(AWSError) { return try await body() } catch {
            let failure = error.ofTable(options.table)
            options.observer?(.failed(failure))
            throw failure
        }
    }
}
