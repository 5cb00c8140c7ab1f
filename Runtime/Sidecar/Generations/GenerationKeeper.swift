import Events
import Plugins
import Settings
import Telemetry
import UnixSignals

/// Keeps the sidecar at the newest generation that works: new before old, one attempt at a time, and after a failed one
/// everything is as it was, the watching included.
actor GenerationKeeper {
    private let source: ConfigurationSource
    /// Settings that take effect by a restart alone have these values.
    private let running: Configuration
    private let builder: GenerationBuilder
    private let observers: Observers
    private let journal: Journal
    private let watch = FileWatch()

    private var serving: Serving?
    private var since = Instant.distantPast
    private var needsRestart: [String] = []
    private var lastAttempt: KeeperStatus.Attempt?
    private var refusal: Refusal?
    /// Handlers of generations that have not ended.
    private var handlers: [Int: [HandlerID]] = [:]
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Writes down what was decided of a handler's second build, and by which generation it is followed.
    typealias Journal = @Sendable (HandlerID, TrialBook.Verdict, Int) async -> Void

    init(
        _ source: ConfigurationSource, running: Configuration, builder: GenerationBuilder, observers: Observers,
        journal: @escaping Journal
    ) {
        self.journal = journal
        self.source = source
        self.running = running
        self.builder = builder
        self.observers = observers
    }

    // MARK: - life

    /// Builds the first generation, and serves it by what `serve` makes of it.
    /// - Throws: why there is none.
    func start(_ serve: @Sendable (Generation) -> Serving) async throws(Failure) -> Serving {
        let (configuration, problems) = source.read()
        guard var configuration else { throw Refusal(problems, in: source.path).failure }
        needRestart(configuration.keep(running))
        let first = try await builder.build(configuration, digest: configuration.contentDigest, beside: nil)
        let serving = serve(first)
        self.serving = serving
        _ = inForce(first, from: nil, .start)
        return serving
    }

    /// Looks after files, signals and ends of generations, until cancelled.
    func run(hangups: UnixSignalsSequence) async {
        watch.watch([source.path] + (serving?.generation.configuration.files ?? []))
        watch.start()
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await wake in self.watch.wakes { await self.reload(wake == .change ? .change : .round) }
            }
            group.addTask { for await _ in hangups { await self.reload(.signal) } }
            group.addTask { for await number in self.builder.host.endings { await self.ended(number) } }
        }
        watch.stop()
    }

    // MARK: - reload

    /// Reads everything anew, and goes over to it if it differs and works. Calls take turns.
    /// - Parameter expected: the digest of the generation that must serve now, if it matters.
    @discardableResult
    func reload(_ trigger: ReloadTrigger, ifMatch expected: String? = nil) async -> ReloadResult {
        await takeTurn()
        defer { passTurn() }
        guard let serving else {
            return .refused(Refusal(Failure(.apiUnavailable, "", "no generation serves yet")))
        }
        if let expected, expected != serving.generation.digest {
            let cause = "the one that serves is \(serving.generation.digest)"
            return .refused(Refusal(Failure(.settingsNotCurrent, "generation \(expected)", cause)))
        }
        return await attempt(trigger, serving)
    }

    private func attempt(_ trigger: ReloadTrigger, _ serving: Serving) async -> ReloadResult {
        let previous = serving.generation
        let (read, problems) = source.read()
        watch.watch([source.path] + (read ?? previous.configuration).files)
        guard var configuration = read else { return refused(Refusal(problems, in: source.path), trigger) }
        needRestart(configuration.keep(running))
        let digest = configuration.contentDigest
        if digest == previous.digest { return unchanged(trigger) }
        // It was refused for good: only another content, or somebody who asks, is a reason to try again.
        if let refusal, refusal.isFinal(for: digest), !trigger.isAsked { return .refused(refusal) }
        do throws(Failure) {
            let next = try await builder.build(configuration, digest: digest, beside: previous)
            guard serving.adopt(next) else {
                await builder.host.discard(next.number)
                return .unchanged
            }
            await builder.host.retire(before: next.number, within: configuration.stop.deadline)
            await record(next, after: previous)
            return .switched(inForce(next, from: previous, trigger))
        } catch {
            return refused(Refusal(error, of: digest), trigger)
        }
    }

    /// Decisions on second builds that this generation is the first to follow.
    private func record(_ next: Generation, after previous: Generation) async {
        for (handler, decision) in next.decisions.sorted(by: { $0.key < $1.key })
        where previous.decisions[handler] != decision {
            observers.decided(decision, of: handler)
            await journal(handler, decision.verdict, next.number)
        }
    }

    private func takeTurn() async {
        if isBusy { await withCheckedContinuation { waiting.append($0) } }
        isBusy = true
    }

    private func passTurn() {
        isBusy = !waiting.isEmpty
        if isBusy { waiting.removeFirst().resume() }
    }

    // MARK: - what came of it

    private func inForce(
        _ next: Generation, from previous: Generation?, _ trigger: ReloadTrigger
    ) -> GenerationChange {
        let now = observers.clock.now
        let change = GenerationChange(to: next, from: previous)
        refusal = nil
        since = now
        handlers[next.number] = next.handlers.profiles.map(\.id)
        observers.inForce(next, change, trigger, alive: handlers.count)
        if trigger != .start { observers.telemetry.reloaded(.switched) }
        lastAttempt = .init(trigger: trigger, at: now, result: .switched(change))
        return change
    }

    /// What is equal by chance of a look needs no word; who asks gets one.
    private func unchanged(_ trigger: ReloadTrigger) -> ReloadResult {
        refusal = nil
        if trigger.isAsked {
            observers.telemetry.reloaded(.unchanged)
            observers.unchanged(trigger)
            lastAttempt = .init(trigger: trigger, at: observers.clock.now, result: .unchanged)
        }
        return .unchanged
    }

    /// The same refusal again is counted, and said once.
    private func refused(_ next: Refusal, _ trigger: ReloadTrigger) -> ReloadResult {
        let isNews = refusal?.failure != next.failure || trigger.isAsked
        refusal = next
        guard isNews || next.digest != nil else { return .refused(next) }
        observers.telemetry.reloaded(.refused, next.failure.code)
        if isNews { observers.refused(next, trigger, keeps: serving?.generation.number) }
        lastAttempt = .init(trigger: trigger, at: observers.clock.now, result: .refused(next))
        return .refused(next)
    }

    private func needRestart(_ settings: [String]) {
        if settings != needsRestart, !settings.isEmpty { observers.needRestart(settings) }
        needsRestart = settings
    }

    /// The last worker of this generation is reaped.
    private func ended(_ number: Int) {
        let gone = handlers.removeValue(forKey: number) ?? []
        let left = Set(handlers.values.joined())
        observers.ended(number, alive: handlers.count, without: gone.filter { !left.contains($0) })
    }

    var status: KeeperStatus {
        get async {
            let generation = serving?.generation
            return KeeperStatus(
                number: generation?.number, since: since, digest: generation?.digest ?? "",
                configuration: generation?.configuration.digest ?? "",
                handlers: generation?.handlers.profiles.map { profile in
                    KeeperStatus.Handler(
                        id: profile.id, plugin: profile.plugin.name, version: profile.plugin.version,
                        digest: profile.digest, isReused: profile.isReused)
                } ?? [],
                alive: await builder.host.alive, needsRestart: needsRestart, lastAttempt: lastAttempt)
        }
    }
}
