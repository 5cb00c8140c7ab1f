import Events
import Glibc
import Pipeline
import Synchronization

/// Owns all workers. Its executor is the event loop: sockets, timers and calls take turns on one thread, which never
/// blocks.
actor WorkerEngine {
    private enum Notice: Sendable {
        case spawner(Spawner.Report)
        case revoked(Lease)
    }

    private nonisolated let loop: EventLoop
    private nonisolated let spawner: Spawner
    private nonisolated let notices = Mutex<[Notice]>([])
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let around: Surroundings
    private var pools: [Int: HandlerPool] = [:]
    private var serving: [HandlerID: Int] = [:]
    private var nextPool = 1
    private var nextToken: UInt64 = 1

    init(program: String, directory: String, observer: any WorkerObserver) {
        let loop = EventLoop()
        let spawner = Spawner()
        self.loop = loop
        self.spawner = spawner
        around = Surroundings(
            program: program, directory: directory, loop: loop, spawner: spawner, observer: observer)
    }

    nonisolated func start() {
        loop.start(self)
        spawner.start { [weak self] in self?.notify(.spawner($0)) }
    }

    /// Ends both threads; workers that are left are killed and reaped.
    nonisolated func halt() {
        spawner.stop()
        loop.stop()
    }

    private nonisolated func notify(_ notice: Notice) {
        notices.withLock { $0.append(notice) }
        loop.wake()
    }

    // MARK: - generations

    /// - Throws: `handle.worker-unavailable` if there would be too many processes.
    func open(_ options: HandlerOptions, generation: Int, file: PluginFile) throws(Failure) -> Int {
        let living = pools.values.reduce(0) { $0 + $1.options.workers }
        guard living + options.workers <= Limits.workers else {
            let cause = "\(living) workers live, \(options.workers) more are over the limit of \(Limits.workers)"
            throw Failure(.handleWorkerUnavailable, options.id.text, cause)
        }
        let id = nextPool
        nextPool += 1
        pools[id] = HandlerPool(
            options, generation: generation, file: file, around: around, at: monotonicMilliseconds()
        ) { [unowned self] in self.assumeIsolated { $0.makeToken() } }
        return id
    }

    private func makeToken() -> UInt64 {
        defer { nextToken += 1 }
        return nextToken
    }

    /// Every worker of the pool is ready, or the first failure.
    func opened(_ id: Int) async -> Result<HandlerPool.Opened, Failure> {
        await withCheckedContinuation { continuation in
            guard let pool = pools[id] else {
                return continuation.resume(returning: .failure(Failure(.handleWorkerUnavailable)))
            }
            pool.awaitStartup(continuation)
        }
    }

    /// Switches to these pools in one step; the others finish what they run.
    func adopt(_ ids: [Int]) {
        let now = monotonicMilliseconds()
        serving = [:]
        for id in ids { if let pool = pools[id] { serving[pool.options.id] = id } }
        for (id, pool) in pools where !ids.contains(id) && !pool.isClosing {
            for batch in pool.close(within: pool.options.drain, at: now) { give(batch, to: pool.options.id, at: now) }
        }
    }

    /// Closes these pools, or all, and returns when their workers are reaped.
    func close(_ ids: [Int]? = nil, within drain: Duration) async {
        let now = monotonicMilliseconds()
        if ids == nil { serving = [:] }
        let closing = ids.map { $0.compactMap { pools[$0] } } ?? Array(pools.values)
        for pool in closing {
            for batch in pool.close(within: drain, at: now) { give(batch, to: pool.options.id, at: now) }
        }
        for pool in closing { await withCheckedContinuation { pool.awaitClose($0) } }
    }

    // MARK: - batches

    func submit(_ batch: Batch, prefetched: [[StateValue]], _ exchange: Exchange) {
        let waiting = HandlerPool.Waiting(batch: batch, prefetched: prefetched, exchange: exchange)
        give(waiting, to: batch.handler, at: monotonicMilliseconds())
    }

    private func give(_ batch: HandlerPool.Waiting, to handler: HandlerID, at now: Int64) {
        guard let pool = serving[handler].flatMap({ pools[$0] }), !pool.isClosing else {
            let failure = Failure(.handleWorkerUnavailable, handler.text, "no generation serves it")
            return batch.exchange.send(.refused(failure))
        }
        pool.take(batch, at: now)
    }

    func reply(_ question: StateQuestion, _ values: [StateValue]?) {
        worker(question.worker)?.worker.reply(question, values)
    }

    nonisolated func revoke(_ lease: Lease) { notify(.revoked(lease)) }

    private func worker(_ token: UInt64) -> (pool: HandlerPool, worker: WorkerProcess)? {
        for pool in pools.values {
            if let worker = pool.workers.first(where: { $0.token == token }) { return (pool, worker) }
        }
        return nil
    }

    // MARK: - turns of the loop

    private func take(_ notice: Notice, at now: Int64) {
        switch notice {
        case .revoked(let lease):
            _ = pools.values.contains { $0.workers.contains { $0.revoke(lease) } }
        case .spawner(.started(let token, let process)): worker(token)?.worker.started(process: process)
        case .spawner(.failed(let token, let why)):
            if let (pool, worker) = worker(token) { pool.notSpawned(worker, why, at: now) }
        case .spawner(.ended(let token, let ending)):
            if let (pool, worker) = worker(token) { pool.ended(worker, ending, at: now) }
        }
    }

    private func takeReady(_ token: UInt64, isReadable: Bool, isWritable: Bool) {
        guard let worker = worker(token >> 1)?.worker else { return }
        let now = monotonicMilliseconds()
        if token & 1 == 1 { return worker.receiveOutput(at: now) }
        if isWritable { worker.flush() }
        if isReadable { worker.receive(at: now) }
    }

    private func takeTurn() -> Int32 {
        let now = monotonicMilliseconds()
        let news = notices.withLock { notices in
            defer { notices = [] }
            return notices
        }
        for notice in news { take(notice, at: now) }
        let next = pools.values.compactMap { $0.tick(at: now) }.min()
        pools = pools.filter { !$0.value.isClosed }
        return next.map { Int32(clamping: max($0 - now, 0) + 1) } ?? -1
    }
}

extension WorkerEngine: LoopClient {
    nonisolated func ready(_ token: UInt64, isReadable: Bool, isWritable: Bool) {
        assumeIsolated { $0.takeReady(token, isReadable: isReadable, isWritable: isWritable) }
    }
    nonisolated func turn() -> Int32 { assumeIsolated { $0.takeTurn() } }
}
