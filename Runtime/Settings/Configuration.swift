// The whole configuration: one value, read and checked as a whole, the seed of a generation.
public import Events

/// Every setting of a sidecar, resolved: file, environment and defaults together.
///
/// It holds no secret: credentials come from the environment of the cloud, the signing key from a file that is named.
public struct Configuration: SettingsGroup, Hashable {
    public enum Sandbox: String, CaseIterable, Sendable { case strict, required, available, off }

    public var queues: [QueueSettings] = []
    public var handlers: [HandlerSettings] = []
    public var keySets: [KeySetSettings] = []
    public var services: [ServiceSettings] = []
    /// `nil`: nothing is signed and nothing published.
    public var signing: SigningSettings?
    public var bus: BusSettings?
    /// A directory; `nil`: payloads are published as they are.
    public var schemas: String?
    public var aws = AWSSettings()
    public var store = StoreSettings()
    public var journal = JournalSettings()
    public var outbox = OutboxSettings()
    public var plugins = PluginSettings()
    public var sandbox = Sandbox.required
    /// `nil`: the one beside the executable.
    public var worker: String?
    public var workers = WorkersSettings()
    public var stateDirectory = "/var/lib/outrigger"
    public var skew = SkewSettings()
    /// `nil`: there is no socket.
    public var api: APISettings?
    public var admin = AdminSettings()
    public var log = LogSettings()
    public var stop = StopSettings()

    public init() {}

    static let section = Section<Self>(
        Setting(
            "queues", \.queues, .sections(named: "name", atMost: Limits.queues), required: true,
            "The queues that events come from."),
        Setting(
            "handlers", \.handlers, .sections(named: "id", atMost: Limits.workers), required: true,
            "The handlers of events."),
        Setting(
            "key-sets", \.keySets, .sections(named: "name", atMost: 64), required: true,
            "Whose signatures are believed, for which sources."),
        Setting(
            "services", \.services, .sections(byName: "ledger", atMost: Limits.services),
            "The services of the pod that handlers call, or that are handlers, by name."),
        Setting(
            "signing", \.signing, .section(), change: .restart,
            "How published events are signed. Absent: nothing is published."),
        Setting(
            "bus", \.bus, .section(), change: .restart, "Where events are published. Absent: nothing is published."),
        Setting(
            "schemas", \.schemas, .or("none", .path("/etc/outrigger/schemas")),
            "A directory of JSON Schemas, DETAIL-TYPE.json: what peers publish must fit the one of its detail type."),
        Setting("aws", \.aws, .section(), "Where the queues and the bus are."),
        Setting("store", \.store, .section(), required: true, "What the sidecar remembers."),
        Setting("journal", \.journal, .section(), "What is kept of what happened to each event."),
        Setting("outbox", \.outbox, .section(), "Committed events on their way to the bus."),
        Setting("plugins", \.plugins, .section(), "Whose plugins are loaded."),
        Setting(
            "sandbox", \.sandbox, .choice,
            "required: no worker starts without Landlock and seccomp. strict: nor without namespaces of its own. "
                + "available: what the kernel has. off: limits only."),
        Setting(
            "worker", \.worker, .or("beside", .path("/usr/local/bin/outrigger-worker")), change: .restart,
            "The worker's executable; by default the one beside the sidecar's."),
        Setting("workers", \.workers, .section(), "What all workers together may have."),
        Setting(
            "state-directory", \.stateDirectory, .path("/var/lib/outrigger"), change: .restart,
            "Where the sidecar keeps what must survive its own death: locks, and which event each worker is in."),
        Setting("skew", \.skew, .section(), "How far clocks may differ."),
        Setting(
            "api", \.api, .section(presence: .restart),
            "The Unix sockets for the service in the pod and for operators. Absent: there is none."),
        Setting("admin", \.admin, .section(), "Health and metrics over TCP."),
        Setting("log", \.log, .section(), "Log lines: JSON on standard error."),
        Setting("stop", \.stop, .section(), "How the sidecar ends."))

    public subscript(handler id: HandlerID) -> HandlerSettings? { handlers.first { $0.id == id } }
    public subscript(service name: String) -> ServiceSettings? { services.first { $0.name == name } }
    public subscript(queue name: QueueName) -> QueueSettings? { queues.first { $0.name == name } }

    /// Settings that take effect by restart alone get their running values back.
    /// - Returns: the paths of those that differed: `store.path`, `queues[orders].url`.
    public mutating func keep(_ running: Configuration) -> [String] { Self.section.keep(running, in: &self) }

    /// Every setting as YAML in a fixed order: the same text for the same configuration. Generations hash it.
    public var resolved: String {
        guard case .block(let lines) = Self.section.shown(self) else { return "" }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Configuration {
    /// Reads a file and the environment.
    ///
    /// - Parameter environment: variables `OUTRIGGER_...` override single settings; see ``Overrides``. All others are
    ///   ignored.
    /// - Returns: the configuration, unless one of the problems is an error; and all problems.
    public static func load(path: String, environment: [String: String]) -> (Configuration?, [Problem]) {
        do throws(Problem) {
            return parse(try Document.bytes(of: path), file: path, environment: environment)
        } catch {
            return (nil, [error])
        }
    }

    /// The same for bytes that are already here; `file` is what messages call them.
    public static func parse(
        _ bytes: [UInt8], file: String, environment: [String: String] = [:]
    ) -> (Configuration?, [Problem]) {
        var reader = Reader(file: file)
        var root: Node
        do throws(Problem) {
            root = try Document.parse(bytes, file: file)
        } catch {
            return (nil, [error])
        }
        Overrides.apply(environment, to: &root, declarations: section.declarations, &reader)
        let configuration = reader.read(section, from: root)
        // Checks across settings need every one of them: with some missing they would blame the wrong place.
        if reader.problems.allSatisfy({ $0.severity != .error }) {
            CrossChecks(configuration: configuration).run(&reader)
        }
        let isRefused = reader.problems.contains { $0.severity == .error }
        return (isRefused ? nil : configuration, reader.problems)
    }
}
