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

/// The sidecar, put together: each module gets its options and its ports, and nobody knows another.
///
/// Live from the first moment, ready when everything that it needs answers. It ends by itself only when waiting cannot
/// help: a plugin that is refused, a store of a newer version.
struct SidecarService: Service {
    let configuration: Configuration
    let observers: Observers
    private let client = HTTPClient()
    private let environment: [String: String]
    private let pollWait: Duration

    /// - Parameter pollWait: the long poll, which a stop waits for.
    init(
        _ configuration: Configuration, observers: Observers,
        environment: [String: String] = ProcessInfo.processInfo.environment, pollWait: Duration = Limits.pollWait
    ) throws(Failure) {
        self.configuration = configuration
        self.observers = observers
        self.environment = environment
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
        observers.telemetry.started(version: Outrigger.version, at: observers.clock.now)
        let options = configuration.storeOptions(observer: observers.note)
        guard let store = await patience("store").until({ () throws(Failure) in try SQLiteStore.open(options) })
        else { return try endUnlessStopping("store") }
        do {
            try await run(with: store)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    private func run(with store: SQLiteStore) async throws {
        let directory = configuration.stateDirectory
        try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let host = PluginHost(
            program: configuration.workerProgram, directory: directory, state: store, clock: observers.clock,
            observer: observers)
        let suspects = Set(host.suspectsAtStart())
        let handlers = configuration.handlers.map(configuration.handlerOptions)
        let started = await patience("handlers").until { () throws(Failure) in
            try await host.start(generation: 1, handlers: handlers)
        }
        guard let profiles = started else { return try endUnlessStopping("handlers") }
        observers.telemetry.generation(1, configuration: configuration.digest, at: observers.clock.now)
        try await serve(store, host, profiles, suspects)
        await host.stop(within: .seconds(2))
    }

    /// Events, until told to stop; then in this order: polls, what runs, the outbox, the rest.
    private func serve(
        _ store: SQLiteStore, _ host: PluginHost, _ profiles: [HandlerProfile], _ suspects: Set<EventID>
    ) async throws {
        let keySets = try makeKeySets()
        let verifier = EventVerifier(
            keySets: keySets, options: configuration.verifyOptions(profiles), clock: observers.clock)
        let cloud = Cloud(configuration, environment: environment, client: client, clock: observers.clock)
        let stations = configuration.queues.map { queue in
            QueueStation(
                queue, cloud: cloud, verifier: verifier, ledger: store, host: host, observers: observers,
                pollWait: pollWait)
        }
        let relay = try makeRelay(store, cloud)
        let outbox = configuration.outbox
        let housekeeping = Housekeeping(
            store: store, stations: stations, limits: .init(rows: outbox.rows, bytes: outbox.bytes),
            observers: observers)
        await withDiscardingTaskGroup { background in
            for keySet in keySets { background.addTask { await keySet.run() } }
            background.addTask { await housekeeping.run() }
            if let relay {
                background.addTask { for await _ in store.outboxWrites { relay.wake() } }
            }
            async let relayed: Void? = relay?.run(Relay(giveUp: outbox.giveUp, seed: UInt64.random(in: 1...(.max))))
            observers.board.set("sidecar", nil)
            await serve(stations, profiles, suspects)
            relay?.stop(deadline: observers.clock.now + configuration.stop.deadline)
            _ = await relayed
            background.cancelAll()
        }
        observers.telemetry.flush(at: observers.clock.now)
    }

    private func serve(_ stations: [QueueStation], _ profiles: [HandlerProfile], _ suspects: Set<EventID>) async {
        await withTaskGroup { group in
            for station in stations {
                group.addTask {
                    await station.run(configuration, profiles: profiles, generation: 1, suspects: suspects)
                }
            }
            let watch = group.addTaskUnlessCancelled {
                // Cancelled: all stations have ended.
                try? await gracefulShutdown()
                let deadline = observers.clock.now + configuration.stop.deadline
                observers.board.set("sidecar", "stopping")
                for station in stations { station.runner.stop(deadline: deadline) }
            }
            for _ in 0..<stations.count + (watch ? 1 : 0) { await group.next() }
        }
    }

    // MARK: - parts

    private func makeKeySets() throws(Failure) -> [KeySetSource] {
        var sources: [KeySetSource] = []
        for settings in configuration.keySets {
            let options = configuration.keySetOptions(settings)
            observers.board.set("key set \(options.name)", "not fetched yet")
            sources.append(
                try KeySetSource(
                    options, fetcher: try HTTPKeySetFetcher(options, client: client), clock: observers.clock,
                    observer: observers, seed: UInt64.random(in: 1...(.max))))
        }
        return sources
    }

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

extension Configuration {
    /// SHA-256 of the resolved configuration, in hexadecimal: names a generation.
    var digest: String { Hash.sha256(Array(resolved.utf8)).hexadecimal }
}
