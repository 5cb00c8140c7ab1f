import Cryptography
import Events
import Foundation
import HTTP
import LocalAPI
import Pipeline
import Plugins
import ServiceLifecycle
import Services
import Settings
import Signatures
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
    /// Services have connections of their own: a slow one keeps no queue waiting.
    private let serviceClient = HTTPClient(connections: Limits.services * Limits.serviceConcurrency)
    /// So have long polls: each queue has as many as it may, and no delete stands behind them.
    private let pollClient = HTTPClient(connections: Limits.queues * Limits.pollers)
    /// So has the store: no long poll stands before a commit.
    private let storeClient = HTTPClient()

    /// - Parameters:
    ///   - configuration: as read at the start: what takes effect by a restart alone stays as it is here.
    ///   - source: where it comes from, read again for each generation.
    init(_ configuration: Configuration, from source: ConfigurationSource, observers: Observers) {
        self.configuration = configuration
        self.source = source
        self.observers = observers
        observers.board.set("sidecar", "starting")
    }

    /// Health and metrics, for the group of services that this one runs in.
    func admin(onListening: @escaping @Sendable (Int) -> Void = { _ in }) throws(Failure) -> AdminServer {
        let observers = observers
        return try AdminServer(
            listen: configuration.admin.listen.description,
            metrics: { observers.telemetry.exposition(at: observers.clock.now) }, isLive: { observers.board.isLive },
            readiness: { observers.board.readiness }, logger: observers.logger("admin"), onListening: onListening)
    }

    func run() async throws {
        defer {
            client.shutdown()
            pollClient.shutdown()
            serviceClient.shutdown()
            storeClient.shutdown()
        }
        // From here on SIGHUP asks for a reload; without a listener it would end the process.
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        let stops = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let since = observers.clock.now
        observers.telemetry.started(version: Outrigger.version, at: since)
        var opening = StoreOpening(
            configuration, environment: source.environment, client: storeClient, clock: observers.clock, migrates: true)
        opening.observer = observers.note
        let opens = opening
        guard let store = try await patience("store").until({ () throws(Failure) in try await opens.open() })
        else { return }
        do {
            try await run(with: store, since: since, hangups, stops)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    private func run(
        with store: any EventStore, since: Instant, _ hangups: UnixSignalsSequence, _ stops: UnixSignalsSequence
    ) async throws {
        let directory = configuration.stateDirectory
        try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let services = ServiceDirectory(client: serviceClient, clock: observers.clock, observer: observers)
        let host = PluginHost(
            program: configuration.workerProgram, directory: directory, state: store, services: services,
            clock: observers.clock, bounds: configuration.workerBounds, observer: observers)
        let hosts = HandlerHosts(
            plugins: host, residents: [
                ServiceHandlers(services: services, clock: observers.clock), JournalHandlers(),
            ])
        let cloud = Cloud(
            configuration, environment: source.environment, client: client, polls: pollClient, clock: SystemClock())
        let verifier = CurrentVerifier()
        let exchange = try Exchange(configuration, cloud, client: client, verifier: verifier)
        let relay = exchange.map { exchange in
            RelayRunner(
                outbox: store, signer: exchange.signer, bus: exchange.bus, observer: observers, clock: observers.clock)
        }
        let peers = configuration.peerPolicy.map { policy in PeerBook(policy, isWorker: { host.isWorker($0) }) }
        let around = Serving.Surroundings(
            verifier: verifier, cloud: cloud, relay: relay, store: store, host: hosts, services: services,
            observers: observers, peers: peers, suspects: Set(host.suspectsAtStart()))
        let keeper = GenerationKeeper(
            source, running: configuration,
            builder: GenerationBuilder(host: hosts, client: client, observers: observers), observers: observers,
            journal: { handler, verdict, generation in
                do throws(Failure) {
                    try await store.record(
                        verdict == .promoted ? .promoted : .rolledBack, of: handler, generation: generation,
                        at: observers.clock.now)
                } catch { observers.report(error) }
            })
        let first = try await patience("handlers").until { () throws(Failure) in
            try await keeper.start { Serving($0, around) }
        }
        guard let serving = first else { return }
        do {
            let operations = SidecarOperations(
                keeper: keeper, serving: serving, store: store, observers: observers, since: since)
            let events = Exchange.routes(exchange, store, serving, clock: observers.clock)
            let letters = SidecarLetters.within(serving, cloud, store, exchange, verifier, observers)
            let replays = SidecarReplays(serving, hosts, host, store, clock: observers.clock)
            let api = try makeAPI(peers, operations, events, letters, replays)
            let signer = try headSigner()
            let sealer = JournalSealer(heads: store.heads, signer: signer, observers: observers)
            await serve(serving, keeper, host, store, relay, api, sealer, hangups, stops)
            await sealer.finish()
        } catch {
            await host.stop(within: .zero)
            throw error
        }
        await host.stop(within: .seconds(2))
    }

    /// Events, until told to stop; then in this order: polls, what runs, the outbox, the rest.
    private func serve(
        _ serving: Serving, _ keeper: GenerationKeeper, _ host: PluginHost, _ store: any EventStore,
        _ relay: RelayRunner?, _ api: LocalAPI?, _ sealer: JournalSealer,
        _ hangups: UnixSignalsSequence, _ stops: UnixSignalsSequence
    ) async {
        let housekeeping = Housekeeping(store: store, serving: serving, observers: observers)
        let (requests, noMoreRequests) = AsyncStream.makeStream(of: Void.self)
        await withDiscardingTaskGroup { background in
            background.addTask { await serving.runKeySets() }
            background.addTask { await housekeeping.run() }
            background.addTask { await sealer.run() }
            background.addTask { await keeper.run(hangups: hangups) }
            background.addTask { await host.runShadows() }
            background.addTask { await followRollbacks() }
            background.addTask { await run(api) { noMoreRequests.finish() } }
            if let relay {
                background.addTask { for await _ in store.outboxWrites { relay.wake() } }
            }
            background.addTask {
                // Cancelled is told to stop, too.
                try? await gracefulShutdown()
                observers.board.set("sidecar", "stopping")
                let deadline = serving.generation.configuration.stop.deadline
                serving.stop(within: deadline)
                // Cancelled when the queues have stopped: then nothing runs any more. What does is ended before the
                // deadline, so that its messages can be given back.
                guard (try? await Task.sleep(for: max(.zero, deadline - Limits.hurriedStop))) != nil else { return }
                noMoreRequests.finish()
                await host.stop(within: .zero)
            }
            background.addTask { await hurry(at: stops, serving, host, relay) { noMoreRequests.finish() } }
            let giveUp = serving.generation.configuration.outbox.giveUp
            async let relayed: Void? = relay?.run(Relay(giveUp: giveUp, seed: UInt64.random(in: 1...(.max))))
            observers.board.set("sidecar", nil)
            await serving.runQueues()
            // What a service was asking when the stop began is answered, and goes out with the rest.
            for await _ in requests {}
            // What the queues left of the time, and a moment in any case.
            relay?.stop(deadline: max(serving.stopsBy, observers.clock.now + Limits.hurriedStop))
            _ = await relayed
            background.cancelAll()
        }
        observers.telemetry.flush(at: observers.clock.now)
    }

    /// A second signal: whoever sent it does not want to wait for what runs. What is on its way to the store, the queue
    /// and the bus has a moment; what was not settled becomes visible again by itself.
    private func hurry(
        at stops: UnixSignalsSequence, _ serving: Serving, _ host: PluginHost, _ relay: RelayRunner?,
        _ noMoreRequests: @Sendable () -> Void
    ) async {
        var count = 0
        for await _ in stops {
            count += 1
            guard count == 2 else { continue }
            observers.telemetry.log(.warning, "told to stop twice: what runs is cut off", at: observers.clock.now)
            serving.stop(within: Limits.hurriedStop)
            noMoreRequests()
            relay?.stop(deadline: observers.clock.now + Limits.hurriedStop)
            await host.stop(within: .zero)
        }
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

    /// Until cancelled. Without its sockets a sidecar goes on with its queues, and is not ready.
    /// - Parameter onServiceEnd: told when the service socket takes nothing more, or is not there.
    private func run(_ api: LocalAPI?, onServiceEnd: @escaping @Sendable () -> Void) async {
        guard let api else { return onServiceEnd() }
        do { try await api.run(onServiceEnd: onServiceEnd) } catch {
            observers.board.set("api", "the sockets are not served: \(error)")
        }
    }

    // MARK: - parts

    /// `nil` where there is no key here: heads are unsigned then.
    /// - Throws: `settings.*`: a key that cannot be used.
    private func headSigner() throws(Failure) -> JournalSigner? {
        guard let path = configuration.journal.key ?? configuration.signing?.key else { return nil }
        return JournalSigner(try PrivateKey.load(from: path))
    }

    /// `nil` where none is configured.
    /// - Throws: `settings.invalid`: a socket that another process serves, or that cannot be made.
    private func makeAPI(
        _ peers: PeerBook?, _ operations: SidecarOperations, _ events: EventRoutes, _ letters: SidecarLetters,
        _ replays: SidecarReplays
    ) throws(Failure) -> LocalAPI? {
        guard let settings = configuration.api, let peers else { return nil }
        return try LocalAPI(
            service: settings.servicePlace, admin: settings.adminPlace, peers: peers, operations: operations,
            events: events, letters: letters, replays: replays, observer: observers,
            logger: observers.logger("api"))
    }

    private func patience(_ area: String) -> Patience { Patience(area: area, observers: observers) }
}
