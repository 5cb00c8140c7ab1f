import Cryptography
public import Events
import JSON
public import Pipeline
import Synchronization
import WorkerProtocol

/// Runs handlers in worker processes, one sandbox each.
///
/// One thread does all I/O with workers and one spawns and reaps them; callers' tasks read state, read payloads and
/// make outcomes of answers. A generation is built whole beside the one that serves, then takes its place in one step.
public final class PluginHost: HandlerHost, BusinessKeys {
    private struct Serving: Sendable {
        var businessKeys: [HandlerID: BusinessKey] = [:]
        var stateKeys: [HandlerID: StateKeys] = [:]
    }

    private let engine: WorkerEngine
    private let directory: String
    private let state: any HandlerState
    private let clock: any WallClock
    private let serving = Mutex(Serving())

    /// - Parameters:
    ///   - program: the path of `outrigger-worker`.
    ///   - directory: an existing folder, the sidecar's own, for the files that tell what a dead worker was in.
    ///   - state: what handlers read; their writes travel with the outcomes.
    public init(
        program: String, directory: String, state: any HandlerState, clock: any WallClock,
        observer: any WorkerObserver
    ) {
        self.directory = directory
        self.state = state
        self.clock = clock
        engine = WorkerEngine(program: program, directory: directory, observer: observer)
        engine.start()
    }

    deinit { engine.halt() }

    /// The events that an earlier sidecar's workers were in when all of them were killed: each is to run alone first.
    /// To be asked once, before ``start(generation:handlers:)``: the marks are removed.
    public func suspectsAtStart() -> [EventID] { BlameFile.collect(in: directory) }

    // MARK: - generations

    /// Loads every plugin, starts every worker and creates every handler; then, in one step, they serve, and those of
    /// the generation before finish what they run. On any failure nothing has changed.
    /// - Throws: `plugin.*`, the first failure; `handle.worker-unavailable` where no process can be had.
    public func start(generation: Int, handlers: [HandlerOptions]) async throws(Failure) -> [HandlerProfile] {
        var opened: [Int] = []
        do throws(Failure) {
            var files: [PluginFile] = []
            for options in handlers { files.append(try PluginFile.load(options.plugin, pin: options.pin)) }
            for (options, file) in zip(handlers, files) {
                opened.append(try await engine.open(options, generation: generation, file: file))
            }
            var profiles: [HandlerProfile] = []
            var next = Serving()
            for (id, (options, file)) in zip(opened, zip(handlers, files)) {
                let handler = try await engine.opened(id).get()
                let profile = try HandlerProfile(options, file, handler)
                next.businessKeys[options.id] = try BusinessKey(profile.businessKey)
                next.stateKeys[options.id] = try StateKeys(handler.handler.stateKeys)
                profiles.append(profile)
            }
            serving.withLock { $0 = next }
            await engine.adopt(opened)
            return profiles
        } catch {
            await engine.close(opened, within: .zero)
            throw error
        }
    }

    /// Lets workers finish for so long, then kills them; returns when all are reaped. What was unanswered says so.
    public func stop(within drain: Duration) async { await engine.close(within: drain) }

    // MARK: - HandlerHost

    public func run(_ batch: Batch) async throws(Failure) -> [Outcome] {
        guard (1...Int(WP_BATCH_EVENTS)).contains(batch.assignments.count) else {
            throw Failure(.handleWorkerUnavailable, batch.handler.text, "a batch has 1 to \(WP_BATCH_EVENTS) events")
        }
        let exchange = Exchange()
        await engine.submit(batch, prefetched: await prefetch(batch), exchange)
        while true {
            switch await exchange.next() {
            case .refused(let failure): throw failure
            case .stateGet(let question):
                let values = try? await state.read(question.keys, of: batch.handler, at: clock.now)
                await engine.reply(question, values)
            case .ended(let results):
                return zip(results, batch.assignments).map { Outcome($0, of: $1.event) }
            }
        }
    }

    public func revoke(_ lease: Lease) { engine.revoke(lease) }

    /// Nothing travels where the store does not answer: the handler's own get then tells it so.
    private func prefetch(_ batch: Batch) async -> [[StateValue]] {
        guard let templates = serving.withLock({ $0.stateKeys[batch.handler] }), !templates.isEmpty else { return [] }
        let keys = batch.assignments.map { templates.keys(of: $0.event.detail) }
        guard let values = try? await state.read(keys.flatMap { $0 }, of: batch.handler, at: clock.now)
        else { return [] }
        var rest = values[...]
        return keys.map { own in
            defer { rest = rest.dropFirst(own.count) }
            return Array(rest.prefix(own.count))
        }
    }

    // MARK: - BusinessKeys

    public func businessKey(of event: Event, for handler: HandlerID) -> Result<Digest?, Failure> {
        guard let key = serving.withLock({ $0.businessKeys[handler] }) else { return .success(nil) }
        return key.digest(of: event).map { $0 }
    }
}

extension HandlerProfile {
    /// - Throws: `plugin.mismatch` if the configured routes are wider than the plugin's.
    init(_ options: HandlerOptions, _ file: PluginFile, _ opened: HandlerPool.Opened) throws(Failure) {
        let handler = opened.handler
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
        digest = file.digest
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
        switch answer.verdict {
        case .done: self = Self.done(answer.effects, of: event)
        case .reject: self = .reject(answer.reason)
        case .wait: self = .wait(after: answer.after, answer.reason)
        case .retry:
            let isForgotten = answer.reason.code.isEmpty && answer.after == nil
            let forgotten = Reason(code: "unanswered", detail: "handle() returned without an answer")
            self = .retry(after: answer.after, isForgotten ? forgotten : answer.reason)
        }
    }

    /// Drafts get their canonical form here, and what they leave to their parent.
    private static func done(_ effects: Effects, of event: Event) -> Outcome {
        var effects = effects
        for (index, draft) in effects.drafts.enumerated() {
            guard let detail = try? JSONValue.parse(draft.detail).canonical() else {
                return .reject(Reason(code: "publish.invalid", detail: "the detail of draft \(index) is not JSON"))
            }
            effects.drafts[index] = Draft(
                source: draft.source, detailType: draft.detailType,
                resource: draft.resource.isEmpty ? event.resource : draft.resource,
                correlationID: draft.correlationID.isEmpty ? event.trace.correlationID : draft.correlationID,
                detail: detail[...], attributes: draft.attributes)
        }
        return .done(effects)
    }
}
