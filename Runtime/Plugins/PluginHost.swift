import Cryptography
public import Events
import JSON
public import Pipeline
import Synchronization
import WorkerProtocol

/// Runs handlers in worker processes, one sandbox each.
///
/// One thread does all I/O with workers and one spawns and reaps them; callers' tasks read state, read payloads and
/// make outcomes of answers. A generation is built whole beside those that run; which of them runs a batch, the batch
/// says: so the pipelines go over to a new one each in one step of its own.
public final class PluginHost: HandlerHost {
    private let engine: WorkerEngine
    private let directory: String
    let state: any HandlerState
    let services: any ServiceCaller
    let clock: any WallClock
    let observer: any WorkerObserver
    private let shadows = ShadowStage()
    private let generations = Mutex<[Int: HandlerGeneration]>([:])
    /// What an earlier sidecar died of: each has its strike when it comes back, without being run.
    private let struck = Mutex<[EventID: String]>([:])
    /// The numbers of generations, each when the last worker that was its own is reaped.
    public let endings: AsyncStream<Int>

    /// - Parameters:
    ///   - program: the path of `outrigger-worker`.
    ///   - directory: an existing folder, the sidecar's own, for the files that tell what a dead worker was in.
    ///   - bounds: what all workers together may have.
    ///   - state: what handlers read; their writes travel with the outcomes.
    ///   - services: what handlers call, where their options allow it.
    public init(
        program: String, directory: String, state: any HandlerState,
        services: any ServiceCaller = NoServices(), clock: any WallClock, bounds: WorkerBounds = WorkerBounds(),
        observer: any WorkerObserver
    ) {
        self.directory = directory
        self.state = state
        self.services = services
        self.clock = clock
        self.observer = observer
        let (endings, ended) = AsyncStream<Int>.makeStream()
        self.endings = endings
        engine = WorkerEngine(
            program: program, directory: directory, bounds: bounds, observer: observer, ended: ended)
        engine.start()
    }

    deinit { engine.halt() }

    /// The events that an earlier sidecar's workers were in when all of them were killed: each is to run alone first.
    /// To be asked once, before ``build(_:handlers:)``: the marks are removed.
    public func suspectsAtStart() -> [EventID] {
        WorkerFolder.sweep(directory)
        let left = BlameFile.collect(in: directory)
        struck.withLock { $0 = left.struck }
        return left.events
    }

    // MARK: - generations

    /// Loads every plugin, starts every worker and creates every handler. A handler whose options and plugin are those
    /// of the newest generation has workers already, and keeps them. Waits for room where three generations are alive.
    ///
    /// Cancelled, or on any failure, everything of the attempt is closed and reaped, and nothing has changed.
    /// - Parameters:
    ///   - number: larger than any before.
    ///   - trials: second builds of some of the handlers, to be tried beside them.
    ///   - residents: handlers of the generation that run elsewhere.
    /// - Throws: `plugin.*`, the first failure; `handle.worker-unavailable` where no process can be had.
    public func build(
        _ number: Int, handlers: [HandlerOptions], trials: [HandlerID: TrialOptions] = [:],
        residents: [HandlerProfile] = []
    ) async throws(Failure) -> HandlerGeneration {
        var parts: [WorkerEngine.Part] = []
        for options in handlers {
            parts.append(.init(options: options, file: try PluginFile.load(options)))
            guard let trial = trials[options.id].map({ $0.applied(to: options) }) else { continue }
            parts.append(.init(options: trial, file: try PluginFile.load(trial), isTrial: true))
        }
        let built = await withTaskCancellationHandler {
            await open(number, parts, trials, residents)
        } onCancel: {
            engine.abandon(number)
        }
        let generation = try built.get()
        if Task.isCancelled {
            await engine.end(number)
            throw Failure(.handleWorkerUnavailable, "generation \(number)", "given up while it was built")
        }
        let alive = await engine.alive
        generations.withLock { known in
            known = known.filter { alive.contains($0.key) }
            known[number] = generation
        }
        return generation
    }

    private func open(
        _ number: Int, _ parts: [WorkerEngine.Part], _ trials: [HandlerID: TrialOptions],
        _ residents: [HandlerProfile]
    ) async -> Result<HandlerGeneration, Failure> {
        let previous = generations.withLock { known in known.keys.max().flatMap { known[$0] } }
        do throws(Failure) {
            var profiles: [HandlerProfile] = []
            var second: [HandlerID: HandlerProfile] = [:]
            for (opening, part) in zip(try await engine.open(number, parts), parts) {
                let opened = try await engine.opened(opening.pool).get()
                let profile = try HandlerProfile(part, opened, isReused: opening.isReused)
                if part.isTrial { second[profile.id] = profile } else { profiles.append(profile) }
            }
            return .success(try HandlerGeneration(number, profiles + residents, trials, second, after: previous))
        } catch {
            await engine.end(number)
            return .failure(error)
        }
    }

    /// Gives up a generation that was built and is not to serve; returns when all that was its own is reaped.
    public func discard(_ number: Int) async { await engine.end(number) }

    /// The generations before this one get nothing more; what their workers run they may finish for so long, then they
    /// are killed. Returns at once: ``endings`` tells when each has ended.
    public func retire(before number: Int, within drain: Duration) async {
        await engine.retire(before: number, within: drain)
    }

    /// The generations that have workers.
    public var alive: [Int] { get async { await engine.alive } }

    /// Whether a process, by its pid here, is a worker: from its start until it is reaped.
    public func isWorker(_ process: Int32) -> Bool { engine.isWorker(process) }

    /// Lets workers finish for so long, then kills them; returns when all are reaped. What was unanswered says so.
    /// Inline handlers that do not return end with the process: their events are unanswered, too.
    public func stop(within drain: Duration) async { await engine.stop(within: drain) }

    // MARK: - HandlerHost

    public func run(_ batch: Batch) async throws(Failure) -> [Outcome] {
        guard (1...Int(WP_BATCH_EVENTS)).contains(batch.assignments.count) else {
            throw Failure(.handleWorkerUnavailable, batch.handler.text, "a batch has 1 to \(WP_BATCH_EVENTS) events")
        }
        if let strike = strike(on: batch) { return [.struck(strike)] }
        let generation = generation(batch.generation)
        guard let trial = generation?.trial(of: batch.handler), !trial.isOver else {
            return try await run(batch, by: generation)
        }
        switch trial.options.kind {
        case .canary: return try await run(batch, by: generation, with: trial)
        case .shadow: return try await run(batch, by: generation, shadowedBy: trial, shadows)
        }
    }

    func generation(_ number: Int) -> HandlerGeneration? { generations.withLock { $0[number] } }

    private func strike(on batch: Batch) -> Failure? {
        guard batch.isAlone, batch.assignments.count == 1, let event = batch.assignments.first?.event.id,
            let path = struck.withLock({ $0.removeValue(forKey: event) })
        else { return nil }
        BlameFile.remove(path)
        return Failure(.handleCrashed, event.text, "the sidecar ended while it ran inline, alone")
    }

    private func run(_ batch: Batch, by generation: HandlerGeneration?) async throws(Failure) -> [Outcome] {
        let reader = StateReader(batch.handler, state, clock)
        return try await run(batch, isTrial: false, reader, generation?.stateKeys(of: batch.handler))
    }

    /// - Parameters:
    ///   - stateKeys: those that travel with an event, if there are any.
    ///   - calls: who makes the calls; `nil` for the services themselves.
    func run(
        _ batch: Batch, isTrial: Bool, _ reader: StateReader, _ stateKeys: StateKeys?,
        calls: (any CallReader)? = nil
    ) async throws(Failure) -> [Outcome] {
        let exchange = Exchange()
        var prefetched: [[StateValue]] = []
        if let stateKeys {
            let asked = batch.assignments.map { ($0.lease, stateKeys.keys(of: $0.event.detail)) }
            prefetched = await reader.values(of: asked)
        }
        engine.submit(batch, isTrial: isTrial, prefetched: prefetched, exchange)
        let results = try await answer(exchange, reader, calls ?? CallMaker(services)).get()
        return results.indices.map { Outcome(results[$0], of: batch.assignments[$0].event) }
    }

    /// Answers what the events ask, until they have ended. A call keeps nobody waiting but its own event, and ends with
    /// the batch.
    private func answer(
        _ exchange: Exchange, _ reader: StateReader, _ calls: any CallReader
    ) async -> Result<[RunResult], Failure> {
        while true {
            switch await exchange.next() {
            case .refused(let failure): return .failure(failure)
            case .stateGet(let question): await answer(question, reader)
            case .call(let question): return await answer(question, and: exchange, reader, calls)
            case .ended(let results): return .success(results)
            }
        }
    }

    /// The same from the first call on.
    private func answer(
        _ first: CallQuestion, and exchange: Exchange, _ reader: StateReader, _ calls: any CallReader
    ) async -> Result<[RunResult], Failure> {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.engine.reply(first, await calls.reply(to: first)) }
            while true {
                switch await exchange.next() {
                case .refused(let failure): return .failure(failure)
                case .stateGet(let question): await answer(question, reader)
                case .call(let question):
                    group.addTask { await self.engine.reply(question, await calls.reply(to: question)) }
                case .ended(let results):
                    group.cancelAll()
                    return .success(results)
                }
            }
        }
    }

    private func answer(_ question: StateQuestion, _ reader: StateReader) async {
        await engine.reply(question, await reader.values(of: question.keys, for: question.lease))
    }

    public func revoke(_ lease: Lease) { engine.revoke(lease) }

    /// Runs what shadows are to run, until cancelled: beside the events, whom it never keeps waiting.
    public func runShadows() async {
        await withDiscardingTaskGroup { group in
            for _ in 0..<ShadowStage.lanes {
                group.addTask { for await run in self.shadows.runs { await self.perform(run) } }
            }
        }
    }
}

extension HandlerProfile {
    /// - Throws: `plugin.mismatch` if the configured routes are wider than the plugin's.
    init(_ part: WorkerEngine.Part, _ opened: HandlerPool.Opened, isReused: Bool) throws(Failure) {
        let (options, handler) = (part.options, opened.handler)
        let patterns = options.routes ?? handler.routes
        if let wide = patterns.first(where: { route in !handler.routes.contains { $0.covers(route) } }) {
            throw Failure(.pluginMismatch, options.id.text, "route \(wide) is none of the plugin's, and not narrower")
        }
        id = options.id
        routes = patterns.map { RouteTable.Route(source: $0.source, detailType: $0.detailType, handler: options.id) }
        maximumBatch = Int(WP_BATCH_EVENTS)
        concurrency = options.workers * handler.threads
        businessKey = options.businessKey ?? handler.businessKey
        plugin = opened.plugin
        digest = part.file.digest
        self.isReused = isReused
        sandbox = opened.sandbox
        configurationSchema = handler.configurationSchema
    }
}

extension Outcome {
    init(_ result: RunResult, of event: Event) {
        switch result {
        case .answered(let answer): self.init(answer, of: event)
        case .unanswered: self = .unanswered
        case .suspect: self = .suspect
        case .struck(let failure): self = .struck(failure)
        }
    }

    private init(_ answer: Answer, of event: Event) {
        switch answer {
        case .done(let effects): self = Self.done(effects, of: event)
        case .reject(let reason): self = .reject(reason)
        case .wait(let after, let reason): self = .wait(after: after, reason)
        case .retry(let after, let reason):
            let isForgotten = reason.code.isEmpty && after == nil
            let forgotten = Reason(code: "unanswered", detail: "handle() returned without an answer")
            self = .retry(after: after, isForgotten ? forgotten : reason)
        }
    }

    /// Drafts get their canonical form here, and what they leave to their parent.
    private static func done(_ effects: Effects, of event: Event) -> Outcome {
        guard !effects.drafts.isEmpty else { return .done(effects) }
        var drafts = effects.drafts
        for (index, draft) in drafts.enumerated() {
            guard let detail = try? JSONValue.parse(draft.detail).canonical() else {
                return .reject(Reason(code: "publish.invalid", detail: "the detail of draft \(index) is not JSON"))
            }
            drafts[index] = Draft(
                source: draft.source, detailType: draft.detailType,
                resource: draft.resource.isEmpty ? event.resource : draft.resource,
                correlationID: draft.correlationID.isEmpty ? event.trace.correlationID : draft.correlationID,
                detail: detail[...], attributes: draft.attributes)
        }
        return .done(
            Effects(reads: effects.reads, writes: effects.writes, drafts: drafts, timers: effects.timers))
    }
}
