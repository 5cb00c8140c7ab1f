import ArgumentParser
import Events
import Foundation
import LocalAPI
import LocalCloud
import Logging
import ServiceLifecycle
import Settings
import Synchronization
import Telemetry
import UnixSignals

/// `outrigger dev`: everything on this machine, to see it at work.
struct Dev: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the sidecar, a local cloud, four handlers and a stream of events, on this machine alone.")

    @Flag(help: "One stream, then a summary; exit 0 only if every event ended where it should.")
    var once = false

    @Option(help: "Good events of the stream; forged, repeated and poisonous ones come on top.")
    var events = 200

    @Option(help: "The folder with the sample events.")
    var samples = "examples/1-quickstart/events"

    @Option(help: "The folder with the schemas of events.")
    var schemas = "config/schemas"

    @Option(help: "Where keys, store, configuration, sockets and log go.")
    var folder = ".outrigger"

    func run() async throws {
        let home = try DevHome(folder, schemas: schemas, hasService: LedgerProcess.isInstalled)
        let samples = try SampleEvent.load(from: samples)
        let cloud = LocalCloud(home.cloudOptions())
        let scoreboard = Scoreboard(queues: home.queues.map(\.handler))
        let log = try FileSink(home.path("outrigger.log"))
        let logger = Logger(label: "dev") { _ in SwiftLogNoOpLogHandler() }
        let play = Play(
            home: home, cloud: cloud, scoreboard: scoreboard, samples: samples, count: max(events, 1), isOnce: once,
            log: log)
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [.init(service: cloud)]
        if home.hasService {
            services.append(.init(service: LedgerProcess(home: home), successTerminationBehavior: .ignore))
        } else {
            Terminal.say(
                "\(LedgerProcess.program) is not there: notifications go nowhere, and networks are simulated.")
        }
        services.append(
            .init(
                service: play, successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .gracefullyShutdownGroup))
        var group = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigint, .sigterm], logger: logger)
        group.maximumGracefulShutdownDuration = .seconds(20)
        try await ServiceGroup(configuration: group).run()
        if once && !scoreboard.isSettled { throw ExitCode.failure }
    }
}

/// The play: sets the stage, starts the sidecar, sends the stream, shows what becomes of it.
struct Play: Service {
    let home: DevHome
    let cloud: LocalCloud
    let scoreboard: Scoreboard
    let samples: [SampleEvent]
    let count: Int
    let isOnce: Bool
    let log: FileSink

    func run() async throws {
        try await cloud.start()
        if home.hasService { try await LedgerProcess(home: home).isListening() }
        let configuration = try home.setUp(cloud)
        let observers = Observers(level: .info, sink: log, listener: scoreboard)
        let sidecar = SidecarService(
            configuration, from: ConfigurationSource(path: home.path("outrigger.yaml"), environment: home.environment),
            observers: observers)
        let port = PortBox()
        let admin = try sidecar.admin { port.set($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await admin.run() }
            group.addTask { try await sidecar.run() }
            group.addTask {
                let event = try await perform(observers)
                if isOnce { throw Finished() }
                Terminal.say(home.whatNext(cloud, admin: port.value, event: event))
                try await gracefulShutdown()
            }
            do {
                while try await group.next() != nil {}
            } catch is Finished {
                group.cancelAll()
            }
        }
    }

    private struct Finished: Error {}

    /// - Returns: the id of an event of the story.
    private func perform(_ observers: Observers) async throws -> String {
        var waited = 0
        while !observers.board.readiness.isReady {
            // Every fifth of a second, for a minute: starting four workers takes a moment.
            try await Task.sleep(for: .milliseconds(200))
            waited += 1
            if waited > 300 {
                throw Failure(.settingsInvalid, "dev", observers.board.readiness.problems.joined(separator: "; "))
            }
        }
        let stream = try SampleStream(samples: samples, keys: home.keys, count: count, now: observers.clock.now)
        scoreboard.expect(stream.entries)
        let table = LiveTable(isLive: Terminal.isInteractive)
        try stream.send(to: cloud)
        var stage = Stage(
            socket: SocketClient(path: home.socket, config: home.path("outrigger.yaml"), isForMachines: false),
            samples: samples)
        var told: [String] = []
        var rounds = 0
        while rounds < 600 {
            scoreboard.read(cloud)
            let published = try await stage.play(missing: scoreboard.missing)
            scoreboard.expect(published)
            told += published.map(\.id)
            table.draw(scoreboard.rows)
            if stage.isOver, scoreboard.isSettled { break }
            try await Task.sleep(for: .milliseconds(200))
            rounds += 1
        }
        table.finish(scoreboard.rows)
        Terminal.say(scoreboard.summary)
        return told.first ?? ""
    }
}

/// The admin port, known once the listener is up.
final class PortBox: Sendable {
    private let port = Mutex(0)
    func set(_ value: Int) { port.withLock { $0 = value } }
    var value: Int { port.withLock { $0 } }
}
