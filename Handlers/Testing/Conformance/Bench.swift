public import Events
import Glibc
import Pipeline
public import Plugins
import Synchronization

/// How a plugin is tried: in the worker and the sandbox that it will run in, with state in memory.
public struct BenchSetting: Sendable {
    /// The path of `outrigger-worker`.
    public var worker: String
    public var plugin: String
    /// A JSON object, as bytes; `nil` if the author gave none.
    public var configuration: Bytes?
    public var environment: [String: String] = [:]
    public var sandbox: HandlerOptions.Sandbox = .available
    /// Inline only where whoever asks may die with the plugin.
    public var isolation: HandlerOptions.Isolation = .worker
    /// What the handler may publish; `nil` for everything, since only the operator knows.
    public var publish: [RoutePattern]?
    /// For one event.
    public var deadline: Duration = .seconds(2)
    public var grace: Duration = .seconds(1)
    /// For loading, and for `create`.
    public var createDeadline: Duration = .seconds(10)

    public init(worker: String, plugin: String) {
        self.worker = worker
        self.plugin = plugin
    }
}

/// One handler of one plugin in worker processes of its own, until ``stop()``.
final class Bench: Sendable {
    let state = BenchState()
    let journal = BenchJournal()
    let services = BenchServices()
    private let setting: BenchSetting
    private let handler: HandlerID
    private let directory: String
    private let host: PluginHost
    private let fence = Atomic<UInt64>(1)

    private struct SystemClock: WallClock {
        var now: Instant { Bench.now }
    }

    static var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(unixMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// - Throws: `handle.worker-unavailable` if there is no folder for temporary files.
    init(_ setting: BenchSetting, handler: HandlerID) throws(Failure) {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(folder)/outrigger-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure(.handleWorkerUnavailable, folder, String(cString: strerror(errno)))
        }
        directory = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } ?? folder
        self.setting = setting
        self.handler = handler
        host = PluginHost(
            program: setting.worker, directory: directory, state: state, services: services, clock: SystemClock(),
            observer: journal)
    }

    deinit { rmdir(directory) }

    /// Loads the plugin and creates the handler, in so many processes.
    func start(_ configuration: Bytes, workers: Int = 1) async throws(Failure) {
        let options = HandlerOptions(
            id: handler, plugin: setting.plugin, configuration: configuration, workers: workers,
            deadline: setting.deadline, grace: setting.grace, createDeadline: setting.createDeadline,
            patience: .seconds(1), environment: setting.environment,
            publish: setting.publish ?? [RoutePattern(source: "*", detailType: "*")], calls: ["*"],
            sandbox: setting.sandbox, isolation: setting.isolation)
        _ = try await host.build(1, handlers: [options])
    }

    /// Runs events as one batch. Nothing that they ask for is applied.
    func run(_ events: [SampleEvent], alone: Bool = false) async throws(Failure) -> [Outcome] {
        let assignments = events.map { event in
            let fence = self.fence.add(1, ordering: .relaxed).newValue
            return Assignment(
                event: event.event(at: Bench.now), lease: Lease(fence: fence), attempt: 1, deliveries: 1, group: nil,
                sentAt: Bench.now)
        }
        return try await host.run(Batch(handler: handler, assignments: assignments, isAlone: alone, generation: 1))
    }

    /// Runs one event; if its worker dies in it, once more, alone, so that the death is its own.
    func run(_ event: SampleEvent) async throws(Failure) -> Outcome {
        let outcome = try await run([event])[0]
        guard case .suspect = outcome else { return outcome }
        return try await run([event], alone: true)[0]
    }

    /// Ends the workers, kindly at first. Afterwards the journal is complete.
    func stop() async { await host.stop(within: setting.grace + .seconds(2)) }

    /// What a plugin says of itself, and what was in force around it.
    /// - Throws: why it does not load.
    static func describe(
        _ setting: BenchSetting
    ) async throws(Failure) -> (plugin: PluginDescription, sandbox: SandboxReport) {
        let bench = try Bench(setting, handler: nobody)
        var refusal = Failure(.pluginNotLoadable, setting.plugin, "it said nothing")
        do throws(Failure) { try await bench.start(Bytes("{}")) } catch { refusal = error }
        await bench.stop()
        guard let plugin = bench.journal.description, let sandbox = bench.journal.sandbox else { throw refusal }
        return (plugin, sandbox)
    }

    /// An id that no handler can have: a plugin that is asked for it is described, and nothing is created.
    private static let nobody = HandlerID("")
}
