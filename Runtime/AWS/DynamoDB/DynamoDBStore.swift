public import Events
import JSON
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
    public var keepsPayloads: Bool

    public init(
        table: String, skew: Duration = .seconds(5), patience: Duration = .seconds(5),
        journalKeep: Duration = .days(30), keepsPayloads: Bool = false
    ) {
        self.table = table
        self.skew = skew
        self.patience = patience
        self.journalKeep = journalKeep
        self.keepsPayloads = keepsPayloads
    }
}

/// How much the table holds.
public struct DynamoDBStatistics: Sendable, Hashable {
    /// As DynamoDB counts them, every six hours or so.
    public let items: Int
    public let bytes: Int
    /// Of this sidecar.
    public let claims: Int
    /// Events that wait for the bus.
    public let outbox: Int
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
        signals = TableSignals()
        numbers = Mutex(UInt64(clamping: tail.boot) << 40)
        memory = Mutex(Memory())
        outbox = Mutex(OutboxMemory())
        lane = CommitLane(client, writers, tail: tail, clock: clock, signals: signals) { () throws(AWSError) in
            try await TableMeta.boot(client).boot
        }
    }

    /// Looks whether the table is as it must be, and joins those who use it.
    ///
    /// - Throws: `store.newer` for a table of another schema, `store.unavailable` for all else: what is missing, and
    ///   what to do.
    public static func open(
        _ options: DynamoDBOptions, _ session: AWSSession, clock: any WallClock
    ) async throws(Failure) -> DynamoDBStore {
        let client = TableClient(session: session, table: options.table, patience: options.patience)
        func ask<T>(_ body: () async throws(AWSError) -> T) async throws(Failure) -> T {
            do throws(AWSError) { return try await body() } catch { throw error.ofTable(options.table) }
        }
        if let problem = try await ask({ () throws(AWSError) in try await TableCheck.problem(client) }) {
            throw Failure(.storeUnavailable, options.table, problem)
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

    /// To be called about once a second: gives the journal's new rows their numbers, and looks at what others left in
    /// the outbox. Throws `store.unavailable` while DynamoDB does not answer.
    public func beat() async throws(Failure) {
        let last = try await newest()
        if memory.withLock({ memory in
            defer { memory.newest = last }
            return memory.newest != last
        }) { signals.ringReaders() }
        signals.ringOutbox()
    }

    /// Can the store take writes?
    public func check() async throws(Failure) { try await beat() }

    public func statistics() async throws(Failure) -> DynamoDBStatistics {
        let depth = try await depth()
        let reply = try await call { () throws(AWSError) in
            try await client.call("DescribeTable", [JSONMember("TableName", .string(options.table))])
        }
        return DynamoDBStatistics(
            items: Int(reply.root["Table"]?["ItemCount"]?.int ?? 0),
            bytes: Int(reply.root["Table"]?["TableSizeBytes"]?.int ?? 0),
            claims: memory.withLock { $0.held.count }, outbox: depth.rows)
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
        do throws(AWSError) { return try await body() } catch { throw error.ofTable(options.table) }
    }
}
