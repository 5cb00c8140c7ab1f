import Events
import Glibc
import Pipeline
import Synchronization

/// Owns all workers. Its executor is the event loop: sockets, timers and calls take turns on one thread, which never
/// blocks.
actor WorkerEngine {
    private enum Notice: Sendable {
        case spawner(Spawner.Report)
        case submitted(Submission)
        case revoked(Lease)
        case abandoned(Int)
    }

    private struct Submission: Sendable {
        let batch: Batch
        let isTrial: Bool
        let prefetched: [[StateValue]]
        let exchange: Exchange
    }

    private nonisolated let loop: EventLoop
    private nonisolated let spawner: Spawner
    private nonisolated let notices = Mutex<[Notice]>([])
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let around: Surroundings
    private var pools: [Int: HandlerPool] = [:]
    private var generations = GenerationTable()
    private let bounds: WorkerBounds
    private let ended: AsyncStream<Int>.Continuation
    private var roomWaiters: [CheckedContinuation<Void, Never>] = []
    private var isStopped = false
    private var nextPool = 1
    private var nextToken: UInt64 = 1

    /// - Parameter ended: is told the number of each generation that has ended.
    init(
        program: String, directory: String, bounds: WorkerBounds, observer: any WorkerObserver,
        ended: AsyncStream<Int>.Continuation
    ) {
        self.bounds = bounds
        self.ended = ended
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

    nonisolated func isWorker(_ process: Int32) -> Bool { spawner.isChild(process) }

    private nonisolated func notify(_ notice: Notice) {
        notices.withLock { $0.append(notice) }
        loop.wake()
    }

    // MARK: - generations

    /// What one handler of a generation is made of.
    struct Part: Sendable {
        let options: HandlerOptions
        let file: PluginFile
        var isTrial = false
        var build: Build { Build(handler: options.id, isTrial: isTrial) }
    }
    struct Opening: Sendable {
        let pool: Int
        let isReused: Bool
    }

    var alive: [Int] { generations.alive }

    /// Starts what the newest generation does not have already. Waits while three generations are alive, or while too
    /// many workers are, as long as a draining one will make room.
    /// - Throws: `handle.worker-unavailable`: nothing was started.
    func open(_ generation: Int, _ parts: [Part]) async throws(Failure) -> [Opening] {
        while let refusal = refusal(of: generation, parts) {
            guard generations.isDraining, !Task.isCancelled else { throw refusal }
            await withCheckedContinuation { roomWaiters.append($0) }
        }
        let users = try users(of: parts)
        let openings = parts.map { part in
            if let pool = reusable(part) { return Opening(pool: pool, isReused: true) }
            return Opening(pool: start(part, generation, user: users[part.options.id] ?? 0), isReused: false)
        }
        let pairs = zip(parts, openings).map { ($0.build, $1.pool) }
        generations.add(generation, Dictionary(pairs) { first, _ in first })
        return openings
    }

    private func refusal(of generation: Int, _ parts: [Part]) -> Failure? {
        let name = "generation \(generation)"
        if isStopped { return Failure(.handleWorkerUnavailable, name, "the host stops") }
        if let last = generations.alive.last, last >= generation {
            return Failure(.handleWorkerUnavailable, name, "generation \(last) is there already")
        }
        if generations.alive.count >= Limits.generations {
            return Failure(.handleWorkerUnavailable, name, "\(Limits.generations) generations are alive")
        }
        let started = parts.lazy.filter { self.reusable($0) == nil }.map(\.options)
        return bounds.refusal(of: started.reduce(.init()) { $0 + $1.claim($1.workers) }, beside: claimed)
    }

    private var claimed: WorkerBounds.Claim { pools.values.reduce(.init()) { $0 + $1.claimed } }

    /// Which handler's workers have which uid; one that lives in several generations has one in all of them.
    private func users(of parts: [Part]) throws(Failure) -> [HandlerID: UInt32] {
        var users = Dictionary(pools.values.map { ($0.options.id, $0.user) }, uniquingKeysWith: max)
        for part in parts { users[part.options.id] = try bounds.user(of: part.options, living: users) }
        return users
    }

    private func reusable(_ part: Part) -> Int? {
        guard let newest = generations.newest, let id = generations.pool(of: part.build, in: newest),
            let pool = pools[id], !pool.isClosing, pool.options == part.options, pool.file.digest == part.file.digest,
            case .success? = pool.startup
        else { return nil }
        return id
    }

    private func start(_ part: Part, _ generation: Int, user: UInt32) -> Int {
        let id = nextPool
        nextPool += 1
        pools[id] = HandlerPool(
            part.options, isTrial: part.isTrial, generation: generation, file: part.file, user: user, around: around,
            at: monotonicMilliseconds(), makeToken: { [unowned self] in self.assumeIsolated { $0.makeToken() } },
            hasRoom: { [unowned self] in self.assumeIsolated { $0.hasRoom(for: part.options) } },
            mayRunInline: { [unowned self] batch in self.assumeIsolated { $0.mayRunInline(batch, of: id) } })
        return id
    }

    private func mayRunInline(_ batch: Batch, of id: Int) -> Bool {
        pools.allSatisfy { other, pool in
            other == id || (batch.isAlone ? !pool.isBusyInline : !pool.isForOneAlone)
        }
    }

    private func hasRoom(for options: HandlerOptions) -> Bool {
        bounds.refusal(of: options.claim(1), beside: claimed) == nil
    }

    private func makeToken() -> UInt64 {
        defer { nextToken += 1 }
        return nextToken
    }

    /// Every worker of the pool is ready, or the first failure.
    func opened(_ id: Int) async -> Result<HandlerPool.Opened, Failure> {
        await withCheckedContinuation { continuation in
            guard let pool = pools[id] else {
                let failure = Failure(.handleWorkerUnavailable, "pool \(id)", "closed before it was asked for")
                return continuation.resume(returning: .failure(failure))
            }
            pool.awaitStartup(continuation)
        }
    }

    /// The generations before this one only finish what they run.
    func retire(before generation: Int, within drain: Duration) {
        generations.retire(before: generation)
        _ = close(generations.all, within: drain)
        // Of one that has nothing of its own nothing will be heard any more.
        forgetEnded()
    }

    /// Returns when the workers that are its own are reaped.
    func end(_ generation: Int) async {
        for pool in retire(generation) { await withCheckedContinuation { pool.awaitClose($0) } }
        forgetEnded()
    }

    private func retire(_ generation: Int) -> [HandlerPool] {
        generations.retire(generation)
        return close(generations.pools(of: generation), within: .zero)
    }

    /// Whoever builds this generation gives up.
    nonisolated func abandon(_ generation: Int) { notify(.abandoned(generation)) }

    /// Closes everything, and returns when it is reaped.
    func stop(within drain: Duration) async {
        isStopped = true
        generations.retire(before: .max)
        for pool in close(generations.all, within: drain) { await withCheckedContinuation { pool.awaitClose($0) } }
        abandonStuck()
        forgetEnded()
        askForRoom()
    }

    func abandonStuck() { for pool in pools.values { pool.abandonStuck() } }

    /// Closes those that no generation needs any more, and returns them.
    private func close(_ ids: Set<Int>, within drain: Duration) -> [HandlerPool] {
        let closing = ids.subtracting(generations.needed).compactMap { pools[$0] }
        for pool in closing { pool.close(within: drain, at: monotonicMilliseconds()) }
        return closing
    }

    private func forgetEnded() {
        let count = pools.count
        pools = pools.filter { !$0.value.isClosed }
        let numbers = generations.removeEnded(living: Set(pools.filter { !$0.value.isOver }.keys))
        for number in numbers { ended.yield(number) }
        if pools.count < count || !numbers.isEmpty { askForRoom() }
    }

    /// Something has ended: who waits for room looks again.
    private func askForRoom() {
        for waiter in roomWaiters { waiter.resume() }
        roomWaiters = []
    }

    // MARK: - batches

    /// The exchange tells what becomes of it: the caller waits for that, and for nothing before.
    nonisolated func submit(_ batch: Batch, isTrial: Bool, prefetched: [[StateValue]], _ exchange: Exchange) {
        notify(
            .submitted(Submission(batch: batch, isTrial: isTrial, prefetched: prefetched, exchange: exchange)))
    }

    private func take(_ submission: Submission, at now: Int64) {
        let (batch, exchange) = (submission.batch, submission.exchange)
        let build = Build(handler: batch.handler, isTrial: submission.isTrial)
        guard let pool = generations.pool(of: build, in: batch.generation).flatMap({ pools[$0] }) else {
            let cause = "generation \(batch.generation) does not have it, or has ended"
            return exchange.send(.refused(Failure(.handleWorkerUnavailable, batch.handler.text, cause)))
        }
        pool.take(
            HandlerPool.Waiting(batch: batch, prefetched: submission.prefetched, exchange: exchange), at: now)
    }

    func reply(_ question: StateQuestion, _ values: [StateValue]?) {
        worker(question.worker)?.worker.reply(question, values)
    }

    func reply(_ question: CallQuestion, _ reply: CallReply) {
        worker(question.worker)?.worker.reply(question, reply)
    }

    nonisolated func revoke(_ lease: Lease) { notify(.revoked(lease)) }

    private func worker(_ token: UInt64) -> (pool: HandlerPool, worker: WorkerProcess)? {
        for pool in pools.values {
            if let worker = pool.worker(token) { return (pool, worker) }
        }
        return nil
    }

    // MARK: - turns of the loop

    private func take(_ notice: Notice, at now: Int64) {
        switch notice {
        case .submitted(let submission): take(submission, at: now)
        case .revoked(let lease):
            _ = pools.values.contains { $0.workers.contains { $0.revoke(lease) } }
        case .abandoned(let generation):
            _ = retire(generation)
            askForRoom()
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
        if generations.isDraining || pools.values.contains(where: \.isClosed) { forgetEnded() }
        return next.map { Int32(clamping: max($0 - now, 0) + 1) } ?? -1
    }
}

extension WorkerEngine: LoopClient {
    nonisolated func ready(_ token: UInt64, isReadable: Bool, isWritable: Bool) {
        assumeIsolated { $0.takeReady(token, isReadable: isReadable, isWritable: isWritable) }
    }
    nonisolated func turn() -> Int32 { assumeIsolated { $0.takeTurn() } }
}
