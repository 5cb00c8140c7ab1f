import Cryptography
import Events
import Foundation
import HTTP
import LocalAPI
import Pipeline
import Plugins
import ServiceLifecycle
import Settings
import Signatures
import Store
import Telemetry
import UnixSignals

/// The sidecar, put together: each module gets its options and its ports, and nobody knows another.
///
/// Live from the first moment, ready when everything that it needs answers. It ends by itself only when waiting cannot
/// help: a plugin that is refused, a store of a newer version.
struct SidecarService: Service {
    private let configuration: Configuration
    private let source: ConfigurationSource
    private let observers: Observers
    private let client = HTTPClient()
    private let pollWait: Duration

    /// - Parameters:
    ///   - configuration: as read at the start: what takes effect by a restart alone stays as it is here.
    ///   - source: where it comes from, read again for each generation.
    ///   - pollWait: the long poll, which a stop waits for.
    init(
        _ configuration: Configuration, from source: ConfigurationSource, observers: Observers,
        pollWait: Duration = Limits.pollWait
    ) {
        self.configuration = configuration
        self.source = source
        self.observers = observers
        self.pollWait = pollWait
        observers.board.set("sidecar", "starting")
    }

    /// Health and metrics, for the group of services that this one runs in.
    func admin(onListening: @escaping @Sendable (Int) -> Void = { _ in }) throws(Failure) -> AdminServer {
        let observers = observers
        return try AdminServer(
            listen: configuration.admin.listen.description,
            metrics: { observers.telemetry.exposition(at: observers.clock.now) }, isLive: { true },
            readiness: { observers.board.readiness }, logger: observers.logger("admin"), onListening: onListening)
    }

    func run() async throws {
        defer { client.shutdown() }
        // From here on SIGHUP asks for a reload; without a listener it would end the process.
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        observers.telemetry.started(version: Outrigger.version, at: observers.clock.now)
        let options = configuration.storeOptions(observer: observers.note)
        guard let store = await patience("store").until({ () throws(Failure) in try SQLiteStore.open(options) })
        else { return try endUnlessStopping("store") }
        do {
            try await run(with: store, hangups)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    private func run(with store: SQLiteStore, _ hangups: UnixSignalsSequence) async throws {
        let directory = configuration.stateDirectory
        try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let host = PluginHost(
            program: configuration.workerProgram, directory: directory, state: store, clock: observers.clock,
            bounds: configuration.workerBounds, observer: observers)
        let cloud = Cloud(configuration, environment: source.environment, client: client, clock: observers.clock)
        let relay = try makeRelay(store, cloud)
        let around = Serving.Surroundings(
            cloud: cloud, relay: relay, store: store, host: host, observers: observers, pollWait: pollWait,
            suspects: Set(host.suspectsAtStart()))
        let keeper = GenerationKeeper(
            source, running: configuration,
            builder: GenerationBuilder(host: host, client: client, observers: observers), observers: observers,
            journal: { handler, verdict, generation in
                do throws(Failure) {
                    try await store.record(
                        verdict == .promoted ? .promoted : .rolledBack, of: handler, generation: generation,
                        at: observers.clock.now)
                } catch { observers.report(error) }
            })
        let first = await patience("handlers").until { () throws(Failure) in
            try await keeper.start { Serving($0, around) }
        }
        guard let serving = first else { return try endUnlessStopping("handlers") }
        await serve(serving, keeper, host, store, relay, hangups)
        await host.stop(within: .seconds(2))
    }

    /// Events, until told to stop; then in this order: polls, what runs, the outbox, the rest.
    private func serve(
        _ serving: Serving, _ keeper: GenerationKeeper, _ host: PluginHost, _ store: SQLiteStore,
        _ relay: RelayRunner?, _ hangups: UnixSignalsSequence
    ) async {
        let housekeeping = Housekeeping(store: store, serving: serving, observers: observers)
        await withDiscardingTaskGroup { background in
            background.addTask { await serving.runKeySets() }
            background.addTask { await housekeeping.run() }
            background.addTask { await keeper.run(hangups: hangups) }
            background.addTask { await host.runShadows() }
            background.addTask { await followRollbacks() }
            if let relay {
                background.addTask { for await _ in store.outboxWrites { relay.wake() } }
            }
            background.addTask {
                // Cancelled is told to stop, too.
                try? await gracefulShutdown()
                observers.board.set("sidecar", "stopping")
                serving.stop()
            }
            let giveUp = serving.generation.configuration.outbox.giveUp
            async let relayed: Void? = relay?.run(Relay(giveUp: giveUp, seed: UInt64.random(in: 1...(.max))))
            observers.board.set("sidecar", nil)
            await serving.runQueues()
            relay?.stop(deadline: observers.clock.now + serving.generation.configuration.stop.deadline)
            _ = await relayed
            background.cancelAll()
        }
        observers.telemetry.flush(at: observers.clock.now)
    }

    /// A canary that was judged has lost its events already; the decision makes that last, and ends its workers.
    private func followRollbacks() async {
        for await (handler, failure) in observers.rollbacks {
            let (current, _) = source.read()
            guard let settings = current?[handler: handler], let trial = settings.trial else { continue }
            let decision = TrialBook.Decision(
                build: trial.build(for: settings), verdict: .rolledBack, reason: failure.cause)
            do throws(Failure) {
                try TrialBook(in: configuration.stateDirectory).decide(decision, of: handler)
            } catch { observers.report(error) }
        }
    }

    // MARK: - parts

    private func makeRelay(_ store: SQLiteStore, _ cloud: Cloud) throws(Failure) -> RelayRunner? {
        guard let signing = configuration.signing, let bus = configuration.bus else { return nil }
        let form = signing.algorithm == .mldsa44 ? TokenForm.mldsa44 : .dilithium2(.mldsa44)
        let signer = EventSigner(try PrivateKey.load(from: signing.key), form: form)
        return RelayRunner(
            outbox: store, signer: signer, bus: cloud.bus(bus), observer: observers, clock: observers.clock)
    }

    private func patience(_ area: String) -> Patience { Patience(area: area, observers: observers) }

    /// Nothing came of an area: because the sidecar stops, which is no failure, or because waiting cannot help.
    private func endUnlessStopping(_ area: String) throws {
        if Task.isShuttingDownGracefully { return }
        throw Failure(.settingsInvalid, area, "the sidecar cannot run as configured; the line before says why")
    }
}
