import Events
import Pipeline
import StoreCommon

/// The store's state, on the store's own thread. All that asks or changes runs here, one at a time.
///
/// Calls that write wait in `pending`; behind the first of them one transaction is enqueued, which takes all that have
/// arrived when its turn comes. So concurrent commits share one wait for the disk, and a lone one waits for nobody.
actor StoreCore {
    /// One call that waits for the next transaction.
    struct Call {
        let work: Work
        let answer: CheckedContinuation<Result<Answer, Failure>, Never>
    }
    enum Work {
        case commit([Entry])
        case refuse([Refusal], at: Instant)
        case settle([PublicationResult], at: Instant)
        case record([JournalEntry])
        case seal(UnsealedHead, HeadSignature?)
        case submit(Submission, OutboxLimits, at: Instant)
        case unshelve([Shelved])
        case republish([String], at: Instant)
        case permit([Permit], [JournalEntry])
        case free(String, of: QueueName, JournalEntry)
        case sweep(at: Instant)
        case touch

        /// Whether it must be on the disk when it is answered. What the bus took is sent again under its id, if the
        /// word of that is lost.
        var waits: Bool { if case .settle = self { false } else { true } }

        /// Keys that it adds to the ledger's index at most.
        var ledgerKeys: Int { if case .commit(let entries) = self { 3 * entries.count } else { 0 } }
    }
    enum Answer {
        case results([CommitResult])
        case submitted(Result<[String], Failure>)
        case count(Int)
    }
    /// The end of a run, with the versions that its writes will have.
    struct Entry {
        let fence: UInt64
        /// `nil` where the claim was gone already.
        let end: RunEnd?
        var versions: [UInt64] = []
    }

    let executor: StoreExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let options: StoreOptions
    private let signals: StoreSignals
    private var lock: StoreLock?
    /// `nil` after a failure, until the next call opens another.
    private var connection: Connection?
    /// The counters of the last connection: what the next one goes on from.
    private var lastCounters: Counters
    /// Claims whose commit failed, and about which the file has not been asked yet.
    private var doubtful: Set<UInt64> = []
    private(set) var isTroubled = false

    var claims = Claims()
    private var committed = CommittedFences()
    private var pending: [Call] = []
    /// Rows of the journal that nobody waits for: they go with the next transaction, or in one of their own soon.
    private var unattended: [JournalEntry] = []
    private static let unattendedWait = Duration.milliseconds(20)
    private let tail: JournalTail
    private(set) var ledgerTail: LedgerTail
    private var outboxLimits = OutboxLimits()
    private var pendingState: [StateKey: PendingValue] = [:]
    /// Fences and versions never repeat: the boot stands in the upper 24 bits, a count in the others.
    private var lastNumber: UInt64

    init(
        _ options: StoreOptions, executor: StoreExecutor, lock: consuming StoreLock, connection: sending Connection,
        signals: StoreSignals, tail: JournalTail
    ) throws(Failure) {
        self.options = options
        self.executor = executor
        self.lock = consume lock
        self.signals = signals
        self.tail = tail
        ledgerTail = try connection.read { tables in
            try tables.load(tail)
            return try tables.ledgerTail(block: options.ledgerBlock)
        }
        lastCounters = connection.counters
        lastNumber = UInt64(clamping: connection.counters.journal.boot) << 40
        self.connection = connection
    }

    func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    // MARK: - the connection

    /// The connection, opened anew after a failure; then the file is asked about every claim in doubt first.
    private func open() throws(Failure) -> Connection {
        guard lock != nil else { throw Failure(.storeUnavailable, options.path, "the store is closed") }
        if let connection { return connection }
        let opened = try Connection(options, after: lastCounters)
        let fences = doubtful
        let (known, recorded) = try opened.read { tables in
            try tables.load(tail)
            let known = try tables.ledgerTail(block: options.ledgerBlock)
            let recorded = try fences.filter { fence in
                try claims[fence].map { try tables.isRecorded($0.claim, fence: fence, known) } ?? false
            }
            return (known, recorded)
        }
        ledgerTail = known
        for fence in fences {
            claims.endCommit(fence)
            if recorded.contains(fence) { conclude(fence) }
        }
        doubtful = []
        connection = opened
        lastCounters = opened.counters
        signals.ringAll()
        options.observer?(.reopened)
        return opened
    }

    private func drop(_ failure: Failure) {
        isTroubled = true
        if let connection { lastCounters = connection.counters }
        connection?.close()
        connection = nil
        options.observer?(.failed(failure))
    }

    /// Looks something up in the ledger; a failure costs the connection.
    func look<T>(_ body: (Tables) throws -> T) throws(Failure) -> T {
        let connection = try open()
        do { return try connection.look(body) } catch {
            drop(error)
            throw error
        }
    }

    /// Reads on the connection; a failure costs it.
    func read<T>(_ body: (Tables) throws -> T) throws(Failure) -> T {
        let connection = try open()
        do { return try connection.read(body) } catch {
            drop(error)
            throw error
        }
    }

    func statistics() throws(Failure) -> StoreStatistics {
        var statistics = try open().counters.statistics
        statistics.claims = claims.count
        statistics.bytes = Volume.size(of: options.path) + Volume.size(of: options.path + "-wal")
        return statistics
    }

    /// Of all rows that there ever were.
    var journalBytes: Int64 { (connection?.counters ?? lastCounters).journalBytes }

    func outboxDepth() throws(Failure) -> OutboxDepth {
        let counters = try open().counters
        let oldest = counters.statistics.outbox == 0 ? nil : try read { tables in try tables.oldestPublication() }
        return OutboxDepth(rows: counters.statistics.outbox, bytes: counters.outboxBytes, oldest: oldest)
    }

    func close() {
        flush()
        connection?.close()
        connection = nil
        lock = nil
        signals.finish()
    }

    /// Any use of the database itself, between transactions.
    func withConnection<T>(_ body: (Connection) throws(Failure) -> T) throws(Failure) -> T { try body(open()) }

    // MARK: - state

    func state(_ keys: [Bytes], of handler: HandlerID, at now: Instant) throws(Failure) -> [StateValue] {
        try read { tables in
            try keys.map { key in
                try pendingState[StateKey(handler: handler, key: key)]?.read(key, at: now)
                    ?? tables.stateValue(key, of: handler, at: now)
            }
        }
    }

    // MARK: - group commit

    func commit(_ commitments: [Commitment], at now: Instant) async throws(Failure) -> [CommitResult] {
        let entries = commitments.map { prepare($0, at: now) }
        guard case .results(let results) = try await enqueue(.commit(entries)) else { return [] }
        return results
    }

    /// Gives the writes of a run their versions, and shows them to whoever reads from now on.
    func prepare(_ commitment: Commitment, at now: Instant) -> Entry {
        let fence = commitment.lease.fence
        guard let claim = claims.beginCommit(fence) else { return Entry(fence: fence, end: nil) }
        let end = RunEnd(commitment, of: claim, at: now)
        guard let effects = end.effects, effects.refusal(of: claim.handler) == nil else {
            return Entry(fence: fence, end: end)
        }
        let versions = effects.writes.map { write in
            let version = nextNumber()
            pendingState[StateKey(handler: claim.handler, key: write.key)] = PendingValue(
                value: write.value, version: version, expires: write.expires(from: now))
            return version
        }
        return Entry(fence: fence, end: end, versions: versions)
    }

    @discardableResult
    func enqueue(_ work: Work) async throws(Failure) -> Answer {
        try await withCheckedContinuation { answer in
            if pending.isEmpty { executor.enqueue { self.assumeIsolated { $0.flush() } } }
            pending.append(Call(work: work, answer: answer))
        }.get()
    }

    func submit(_ submission: Submission, at now: Instant) async throws(Failure) -> [String] {
        guard case .submitted(let result) = try await enqueue(.submit(submission, outboxLimits, at: now)) else {
            return []
        }
        return try result.get()
    }

    func limitOutbox(_ limits: OutboxLimits) { outboxLimits = limits }

    /// Lost with the process or a failed transaction: they tell what happened to a message, and decide nothing.
    func record(_ entries: [JournalEntry]) {
        guard !entries.isEmpty else { return }
        if unattended.isEmpty, pending.isEmpty {
            executor.enqueue(after: Self.unattendedWait) { self.assumeIsolated { $0.flush() } }
        }
        unattended += entries
    }

    private func flush() {
        let calls = pending
        let rows = unattended
        guard !calls.isEmpty || !rows.isEmpty else { return }
        pending = []
        unattended = []
        var keys: [Int64] = []
        let clock = ContinuousClock()
        let start = clock.now
        var answers: [Answer]?
        do throws(Failure) {
            let connection = try open()
            let added = calls.reduce(0) { $0 + $1.work.ledgerKeys }
            let chunk = ledgerTail.chunk(added: added)
            let reading = ledgerTail.reading(rows: connection.counters.statistics.ledger, added: added)
            var read: [Int64] = []
            do throws(Failure) {
                try connection.write(waits: calls.contains(where: \.work.waits)) { tables in
                    read = try reading.map(tables.keys) ?? []
                    // First, so that what this transaction removes is not put there after it.
                    try tables.index(chunk)
                    let writer = CommitWriter(tables: tables, options: options)
                    let made = try calls.map { try writer.perform($0.work, claims: claims, committed: committed) }
                    for row in rows { try tables.append(row) }
                    keys = tail.chunk(atMost: tables.keysPerTransaction)
                    try tables.index(keys)
                    answers = made
                }
                indexed(keys, connection.counters)
                ledgerTail.wrote(chunk)
                if let reading { ledgerTail.read(read, reading) }
            } catch {
                try recover(calls, from: error)
            }
            finish(calls, answers ?? [], took: clock.now - start)
        } catch {
            for fence in fences(of: calls) where !doubtful.contains(fence) { claims.endCommit(fence) }
            for call in calls { call.answer.resume(returning: .failure(error)) }
        }
        // Everything that was pending is in the file now, or gone: readers that saw what is gone lose at their commit.
        pendingState = [:]
    }

    /// After a failed transaction: opens the file anew and asks it what became of the batch.
    ///
    /// - Throws: the failure, when nothing is known to be committed.
    private func recover(_ calls: [Call], from failure: Failure) throws(Failure) {
        let fences = fences(of: calls).filter { claims[$0] != nil }
        doubtful.formUnion(fences)
        drop(failure)
        do throws(Failure) { _ = try open() } catch { throw failure }
        guard fences.contains(where: committed.contains) else { throw failure }
    }

    private func fences(of calls: [Call]) -> Set<UInt64> {
        var fences: Set<UInt64> = []
        for call in calls {
            guard case .commit(let entries) = call.work else { continue }
            for entry in entries { fences.insert(entry.fence) }
        }
        return fences
    }

    private func finish(_ calls: [Call], _ answers: [Answer], took: Duration) {
        for (call, answer) in zip(calls, answers) {
            if case .commit(let entries) = call.work, case .results(let results) = answer {
                for place in results.indices {
                    if case .committed = results[place] {
                        conclude(entries[place].fence)
                    } else {
                        claims.endCommit(entries[place].fence)
                    }
                }
            }
            call.answer.resume(returning: .success(answer))
        }
        isTroubled = false
        if let counters = connection?.counters { signals.send(counters) }
        options.observer?(.committed(calls: calls.count, took: took))
    }

    /// What a transaction wrote is found from now on: its rows here, the chunk of the index in the file.
    private func indexed(_ keys: [Int64], _ counters: Counters) {
        ledgerTail.append(counters.ledgerKeys)
        ledgerTail.remove(counters.lostLedgerKeys)
        tail.append(counters.journalKeys, newest: counters.journal.number)
        tail.wrote(keys.count)
    }

    private func conclude(_ fence: UInt64) {
        claims.remove(fence)
        committed.insert(fence)
    }
}
