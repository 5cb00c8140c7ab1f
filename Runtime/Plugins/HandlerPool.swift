import Events
import Pipeline

/// The workers of one handler in one generation, and the batches that wait for one. Confined to the event loop.
final class HandlerPool: WorkerOwner {
    /// What the first worker said of the plugin.
    struct Opened: Sendable {
        let sandbox: SandboxReport
        let plugin: PluginDescription
        let handler: PluginDescription.Handler
    }
    struct Waiting {
        let batch: Batch
        let prefetched: [[StateValue]]
        let exchange: Exchange
    }
    private struct Place {
        var worker: WorkerProcess?
        /// Started because the worker outgrew its memory; takes its place when it is ready.
        var successor: WorkerProcess?
        /// When a successor may be tried again.
        var replaceAt: Int64 = 0
        /// Ends in a row without a batch answered between them.
        var failures = 0
        var restartAt: Int64?
    }

    let options: HandlerOptions
    /// A second build, beside the one that serves.
    private let isTrial: Bool
    /// The first that it serves.
    let generation: Int
    let file: PluginFile
    private let around: Surroundings
    /// The uid of its workers, 0 for the sidecar's own.
    let user: UInt32
    private let makeToken: () -> UInt64
    /// Whether there is room for one worker more.
    private let hasRoom: () -> Bool
    /// Whether a batch may run beside what other inline handlers run.
    private let mayRunInline: (Batch) -> Bool
    private var places: [Place]
    /// Replaced ones, which finish what they run; from then on they are killed.
    private var retiring: [(worker: WorkerProcess, until: Int64)] = []
    private var waiting: [Waiting] = []
    private var lastCause = ""

    private(set) var opened: Opened?
    /// The configuration keeps to this one; a worker that restarts says the same of its plugin.
    private var checkedSchema: String?
    private(set) var startup: Result<Opened, Failure>?
    private let patienceEnd: Int64
    private var createFailures = 0
    private var startupWaiter: CheckedContinuation<Result<Opened, Failure>, Never>?

    private(set) var isClosing = false
    private var isAbandoning = false
    private var drainEnd = Int64.max
    private var closeWaiters: [CheckedContinuation<Void, Never>] = []

    init(
        _ options: HandlerOptions, isTrial: Bool, generation: Int, file: PluginFile, user: UInt32, around: Surroundings,
        at now: Int64, makeToken: @escaping () -> UInt64, hasRoom: @escaping () -> Bool,
        mayRunInline: @escaping (Batch) -> Bool
    ) {
        self.options = options
        self.isTrial = isTrial
        self.generation = generation
        self.file = file
        self.around = around
        self.user = user
        self.makeToken = makeToken
        self.hasRoom = hasRoom
        self.mayRunInline = mayRunInline
        patienceEnd = now + options.patience.milliseconds
        places = Array(repeating: Place(), count: options.workers)
        for index in places.indices { start(index, at: now) }
    }

    /// All that live: those that serve, those about to, and those about to end.
    var workers: [WorkerProcess] {
        places.compactMap(\.worker) + places.compactMap(\.successor) + retiring.map(\.worker)
    }

    func worker(_ token: UInt64) -> WorkerProcess? {
        for index in places.indices {
            if let worker = places[index].worker, worker.token == token { return worker }
            if let worker = places[index].successor, worker.token == token { return worker }
        }
        return retiring.first { $0.worker.token == token }?.worker
    }

    /// What it has or may start at any time.
    var claimed: WorkerBounds.Claim {
        options.claim(options.workers + places.count { $0.successor != nil } + retiring.count)
    }

    private func makeWorker(_ index: Int, at now: Int64) throws(Failure) -> WorkerProcess {
        let name = WorkerName(
            handler: options.id, isTrial: isTrial, generation: generation, index: index, process: 0)
        return try WorkerProcess(
            token: makeToken(), name: name, options: options, user: user, plugin: file, around: around, owner: self,
            at: now)
    }

    private func start(_ index: Int, at now: Int64) {
        places[index].restartAt = nil
        do {
            places[index].worker = try makeWorker(index, at: now)
        } catch {
            notStarted(index, error, at: now)
        }
    }

    private func notStarted(_ index: Int, _ failure: Failure, at now: Int64) {
        lastCause = failure.cause
        places[index].worker = nil
        settleStartup(.failure(failure))
        if !isClosing { restartLater(index, at: now) }
    }

    // MARK: - start

    func awaitStartup(_ waiter: CheckedContinuation<Result<Opened, Failure>, Never>) {
        if let startup { waiter.resume(returning: startup) } else { startupWaiter = waiter }
    }

    private func settleStartup(_ result: Result<Opened, Failure>) {
        guard startup == nil else { return }
        startup = result
        startupWaiter?.resume(returning: result)
        startupWaiter = nil
    }

    func hello(_ worker: WorkerProcess, _ sandbox: SandboxReport, _ plugin: PluginDescription) throws(Failure) {
        guard let handler = plugin.handlers.first(where: { $0.id == options.declaredID }) else {
            let names = plugin.handlers.map(\.id.text).joined(separator: ", ")
            throw Failure(.pluginMismatch, options.plugin, "no handler \(options.declaredID) in it, but \(names)")
        }
        if checkedSchema != handler.configurationSchema {
            try ConfigurationCheck.check(options, against: handler.configurationSchema)
            checkedSchema = handler.configurationSchema
        }
        let first = opened ?? Opened(sandbox: sandbox, plugin: plugin, handler: handler)
        opened = first
        worker.lanes = Array(repeating: nil, count: first.handler.threads)
        worker.batchMost = first.handler.maximumBatch
    }

    func created(_ worker: WorkerProcess, _ creation: WorkerMessage.Creation, at now: Int64) {
        switch creation {
        case .done:
            worker.phase = .ready
            createFailures = 0
            takePlace(worker, at: now)
            around.observer.note(.ready, of: worker.name)
            if let opened, places.allSatisfy({ $0.worker?.phase == .ready }) { settleStartup(.success(opened)) }
            dispatch(at: now)
        case .invalid(let reason):
            worker.kill(.refused(Failure(.pluginRefused, options.id.text, reason.text)))
        case .notReady(let reason):
            around.observer.note(.notReady(reason), of: worker.name)
            lastCause = "not ready: \(reason.text)"
            let wait = Self.delay(after: createFailures, cap: 5_000)
            createFailures += 1
            if startup == nil, now + wait > patienceEnd {
                worker.kill(.refused(Failure(.pluginNotReady, options.id.text, reason.text)))
            } else {
                worker.phase = .waiting(until: now + wait)
                refuseIfHopeless()
            }
        }
    }

    // MARK: - batches

    func take(_ batch: Waiting, at now: Int64) {
        let place = batch.batch.isCritical ? waiting.firstIndex { !$0.batch.isCritical } : nil
        waiting.insert(batch, at: place ?? waiting.endIndex)
        dispatch(at: now)
        refuseIfHopeless()
    }

    /// In order, critical ones first. One that must be alone gets a worker that has nothing else, and none that is not
    /// critical passes it while it waits.
    private func dispatch(at now: Int64) {
        while let next = waiting.first, !options.isInline || mayRunInline(next.batch),
            let (worker, lane) = place(for: next.batch)
        {
            waiting.removeFirst()
            worker.run(next.batch, prefetched: next.prefetched, next.exchange, lane: lane, at: now)
        }
    }

    /// The worker with the fewest batches of those that may have it, and a lane there.
    private func place(for batch: Batch) -> (WorkerProcess, Int)? {
        var (lanes, busy) = (0, 0)
        var best: (worker: WorkerProcess, lane: Int, busy: Int)?
        for index in places.indices {
            guard let worker = places[index].worker, worker.phase == .ready else { continue }
            let own = worker.busyLanes
            lanes += worker.lanes.count
            busy += own
            guard let lane = worker.freeLane, batch.isAlone ? own == 0 : !worker.runsAlone else { continue }
            if own < best?.busy ?? .max { best = (worker, lane, own) }
        }
        guard batch.isCritical || lanes - busy > min(batch.spares, lanes - 1) else { return nil }
        return best.map { ($0.worker, $0.lane) }
    }

    // One that must be alone inline is alone in the sidecar: its death would be everybody's.

    /// Something of it runs in the sidecar, that will end.
    var isBusyInline: Bool { options.isInline && workers.contains { !$0.isStuck && !$0.isIdle } }
    /// Runs one that must be alone, or has one that is next.
    var isForOneAlone: Bool {
        guard options.isInline else { return false }
        return waiting.first?.batch.isAlone == true || workers.contains { !$0.isStuck && $0.runsAlone }
    }

    /// While every worker waits for its restart, batches are better off with the pipeline.
    private func refuseIfHopeless() {
        let isHopeful = places.contains { place in
            switch place.worker?.phase {
            case .loading, .creating, .ready: true
            case .dying: !isClosing && place.worker?.isStuck == false
            case .waiting, nil: false
            }
        }
        if isHopeful && !isClosing { return }
        let why = isClosing ? "its generation has ended" : "restarted with backoff, the last: \(lastCause)"
        for batch in waiting {
            batch.exchange.send(.refused(Failure(.handleWorkerUnavailable, options.id.text, why)))
        }
        waiting = []
    }

    func progressed(_ worker: WorkerProcess, at now: Int64) {
        if let index = places.firstIndex(where: { $0.worker === worker }) { places[index].failures = 0 }
        dismiss(worker, at: now)
        if isClosing { if worker.isIdle { worker.stop() } } else { dispatch(at: now) }
    }

    // MARK: - replacement

    /// New before old: no batch waits for it, and what the old one runs it finishes.
    func outgrew(_ worker: WorkerProcess, _ memory: Int, at now: Int64) {
        guard !isClosing, let index = places.firstIndex(where: { $0.worker === worker }),
            places[index].successor == nil, now >= places[index].replaceAt, let soft = options.softMemory
        else { return }
        places[index].replaceAt = now + Limits.workerReplacement.milliseconds
        around.observer.note(.outgrew(memory: memory, soft: soft), of: worker.name)
        // Where there is no room, or no process, it goes on, and this is tried again.
        if hasRoom() { places[index].successor = try? makeWorker(index, at: now) }
    }

    private func takePlace(_ worker: WorkerProcess, at now: Int64) {
        guard let index = places.firstIndex(where: { $0.successor === worker }) else { return }
        let old = places[index].worker
        places[index].worker = worker
        places[index].successor = nil
        places[index].restartAt = nil
        guard let old else { return }
        around.observer.note(.replaced, of: old.name)
        retiring.append((old, until: .max))
        dismiss(old, at: now)
    }

    /// A replaced worker leaves when it is idle, in as much time as another had to come.
    private func dismiss(_ worker: WorkerProcess, at now: Int64) {
        guard worker.isIdle, let index = retiring.firstIndex(where: { $0.worker === worker }) else { return }
        worker.stop()
        retiring[index].until = now + options.createDeadline.milliseconds
    }

    /// True if it was none that serves.
    private func forget(_ worker: WorkerProcess) -> Bool {
        let isRetiring = retiring.contains { $0.worker === worker }
        retiring.removeAll { $0.worker === worker }
        guard let index = places.firstIndex(where: { $0.successor === worker }) else { return isRetiring }
        places[index].successor = nil
        return true
    }

    /// Nobody waits for it any longer.
    func isStuck(_ worker: WorkerProcess) {
        lastCause = "it does not return, and can only be ended with the sidecar"
        if let cause = worker.cause { settleStartup(.failure(worker.failure(of: cause))) }
        if isAbandoning { worker.abandon() }
        refuseIfHopeless()
        finishClosing()
    }

    // MARK: - ends and restarts

    func notSpawned(_ worker: WorkerProcess, _ why: String, at now: Int64) {
        if forget(worker) {
            _ = worker.ended(.exited(0), at: now)
            return finishClosing()
        }
        guard let index = places.firstIndex(where: { $0.worker === worker }) else { return }
        _ = worker.ended(.exited(0), at: now)
        notStarted(index, Failure(.handleWorkerUnavailable, options.id.text, why), at: now)
        refuseIfHopeless()
        finishClosing()
    }

    func ended(_ worker: WorkerProcess, _ ending: Ending, at now: Int64) {
        if forget(worker) {
            around.observer.note(.ended(cause: worker.ended(ending, at: now), restart: nil), of: worker.name)
            return finishClosing()
        }
        guard let index = places.firstIndex(where: { $0.worker === worker }) else { return }
        let wasStarting = worker.phase != .ready
        lastCause = worker.ended(ending, at: now)
        places[index].worker = nil
        if startup == nil, wasStarting { settleStartup(.failure(startFailure(worker, ending))) }
        if isClosing { note(worker, restart: nil) } else {
            let delay = restartLater(index, at: now)
            note(worker, restart: .milliseconds(delay))
            if delay == 0 { start(index, at: now) }
        }
        refuseIfHopeless()
        finishClosing()
    }

    private func note(_ worker: WorkerProcess, restart: Duration?) {
        around.observer.note(.ended(cause: lastCause, restart: restart), of: worker.name)
    }

    private func startFailure(_ worker: WorkerProcess, _ ending: Ending) -> Failure {
        if let cause = worker.cause { return worker.failure(of: cause) }
        let step = opened == nil ? "while it loaded the plugin" : "in create"
        return Failure(.pluginNotLoadable, options.plugin, "the worker died \(step): \(ending.text)")
    }

    @discardableResult
    private func restartLater(_ index: Int, at now: Int64) -> Int64 {
        let delay = places[index].failures == 0 ? 0 : Self.delay(after: places[index].failures - 1, cap: 30_000)
        places[index].failures += 1
        places[index].restartAt = now + delay
        return delay
    }

    private static func delay(after failures: Int, cap: Int64) -> Int64 { min(100 << min(failures, 20), cap) }

    /// Does what is due. Answers when to be asked next, `nil` for no time.
    func tick(at now: Int64) -> Int64? {
        var next: Int64?
        for index in places.indices {
            if let at = places[index].restartAt, places[index].worker == nil, !isClosing {
                if now >= at { start(index, at: now) } else { next = min(next ?? at, at) }
            }
        }
        if options.isInline, !waiting.isEmpty { dispatch(at: now) }
        for worker in workers { if let time = worker.tick(at: now) { next = min(next ?? time, time) } }
        for index in retiring.indices {
            let (worker, until) = retiring[index]
            if now < until { next = min(next ?? until, until) } else {
                retiring[index].until = .max
                worker.kill(.stopped)
            }
        }
        guard isClosing, !workers.isEmpty else { return next }
        if now < drainEnd { return min(next ?? drainEnd, drainEnd) }
        drainEnd = .max
        for worker in workers { worker.kill(.stopped) }
        return next
    }

    // MARK: - close

    /// No new batch from now on; what runs is finished, what waits goes back to the pipeline.
    func close(within drain: Duration, at now: Int64) {
        isClosing = true
        drainEnd = min(drainEnd, now + drain.milliseconds)
        settleStartup(.failure(Failure(.handleWorkerUnavailable, options.id.text, "stopped")))
        for worker in workers where worker.isIdle { worker.stop() }
        refuseIfHopeless()
    }

    func awaitClose(_ waiter: CheckedContinuation<Void, Never>) {
        closeWaiters.append(waiter)
        finishClosing()
    }

    /// The sidecar ends: from now on what does not return is left to the end of the process.
    func abandonStuck() {
        isAbandoning = true
        for worker in workers where worker.isStuck { worker.abandon() }
    }

    var isClosed: Bool { isClosing && workers.isEmpty }
    /// It has nothing that ends by itself or could be ended.
    var isOver: Bool { isClosing && workers.allSatisfy(\.isStuck) }

    private func finishClosing() {
        guard isOver else { return }
        for waiter in closeWaiters { waiter.resume() }
        closeWaiters = []
    }
}

extension Reason {
    /// Code and detail in one line.
    var text: String { detail.isEmpty ? code : "\(code): \(detail)" }
}
