public import Events
public import Pipeline

/// How one handler is loaded and run: its part of a generation.
public struct HandlerOptions: Sendable, Hashable {
    /// What shuts a worker in before its plugin is loaded.
    public enum Sandbox: String, Sendable, CaseIterable {
        /// `required`, and namespaces, a root and, where the sidecar may set one, a user of the worker's own.
        case strict
        /// A worker that cannot have all of it does not start: `plugin.sandbox`.
        case required
        /// As much as the kernel gives; the observer hears what is in force.
        case available
        /// Limits only: for debugging.
        case off
    }

    /// Where the handler runs.
    public enum Isolation: String, Sendable, CaseIterable {
        /// In processes of its own.
        case worker
        /// In threads of the sidecar: for trusted C alone. A crash takes the sidecar down, a handler that does not
        /// return cannot be killed, and nothing bounds what it uses.
        case inline
    }

    /// The handler's name inside its plugin, and everywhere else.
    public var id: HandlerID
    public var plugin: String
    /// SHA-256 that the plugin file must have.
    public var pin: Digest?
    /// What the plugin file needs besides.
    public var trust: PluginTrust
    /// For a `plugin` that is none, but a library of plain functions: the plugin of ours that calls them.
    public var carrier: String?
    /// A JSON object, as bytes.
    public var configuration: Bytes
    /// Processes; one inline.
    public var workers: Int
    /// For one event; a batch has it times its count.
    public var deadline: Duration
    /// From the deadline to the kill.
    public var grace: Duration
    /// For loading and for `create`, which are asked again within `patience` as long as they are not ready.
    public var createDeadline: Duration
    public var patience: Duration
    /// RLIMIT_DATA of a worker, in bytes.
    public var memory: Int
    /// RLIMIT_NOFILE of a worker.
    public var openFiles: Int
    /// Bytes in use beyond which a worker is replaced between events; `nil` for never.
    public var softMemory: Int?
    /// Absolute paths that its sandbox lets it read, beside the system's libraries.
    public var readable: [String]
    public var environment: [String: String]
    /// What the handler may publish.
    public var publish: [RoutePattern]
    /// The services that it may call, by name; `*` for any.
    public var calls: Set<String>
    public var sandbox: Sandbox
    public var isolation: Isolation
    /// Routes narrower than the plugin's; `nil` takes them as they are.
    public var routes: [RoutePattern]?
    /// JSON Pointers in place of the plugin's own business key.
    public var businessKey: [String]?

    public init(
        id: HandlerID, plugin: String, pin: Digest? = nil, trust: PluginTrust = .anybody, carrier: String? = nil,
        configuration: Bytes = Bytes("{}"), workers: Int = 1,
        deadline: Duration = .seconds(30), grace: Duration = .seconds(2), createDeadline: Duration = .seconds(10),
        patience: Duration = .seconds(60), memory: Int = 268_435_456,
        openFiles: Int = 64, softMemory: Int? = nil, readable: [String] = [], environment: [String: String] = [:],
        publish: [RoutePattern] = [], calls: Set<String> = [], sandbox: Sandbox = .required,
        isolation: Isolation = .worker,
        routes: [RoutePattern]? = nil, businessKey: [String]? = nil
    ) {
        self.id = id
        self.plugin = plugin
        self.pin = pin
        self.trust = trust
        self.carrier = carrier
        self.configuration = configuration
        self.workers = isolation == .inline ? 1 : min(max(workers, 1), Limits.workers)
        self.deadline = deadline
        self.grace = grace
        self.createDeadline = createDeadline
        self.patience = patience
        self.memory = memory
        self.openFiles = openFiles
        self.softMemory = softMemory
        self.readable = readable
        self.environment = environment
        self.publish = publish
        self.calls = calls
        self.sandbox = sandbox
        self.isolation = isolation
        self.routes = routes
        self.businessKey = businessKey
    }
}

extension HandlerOptions {
    var isInline: Bool { isolation == .inline }

    /// The handler's name inside of what the worker loads.
    var declaredID: HandlerID { carrier == nil ? id : HandlerID("call") }

    func allows(callTo service: String) -> Bool { calls.contains(service) || calls.contains("*") }

    func allows(_ draft: Draft) -> Bool {
        publish.contains { route in
            (route.source == "*" || route.source == draft.source)
                && (route.detailType == "*" || route.detailType == draft.detailType)
        }
    }
}

/// What a handler of a running generation is, as its plugin describes it and the configuration narrows it.
public struct HandlerProfile: Sendable {
    public let id: HandlerID
    public let routes: [RouteTable.Route]
    /// Events that one batch may have: the worker divides it into calls of the handler's own `max_batch`.
    public let maximumBatch: Int
    /// Batches at once: workers times their threads.
    public let concurrency: Int
    /// JSON Pointers; empty for a handler without a business key.
    public let businessKey: [String]
    public let plugin: PluginDescription
    public let digest: Digest
    /// Its workers are those of the generation before.
    public var isReused: Bool
    public let sandbox: SandboxReport
    /// JSON Schema of the configuration, or empty.
    public let configurationSchema: String
}

extension HandlerProfile {
    /// A handler that is no plugin, and runs elsewhere: in a generation for its routes and its business key alone.
    /// - Parameters:
    ///   - kind: what it is, in place of a plugin's name.
    ///   - digest: of all that makes it what it is.
    public init(
        resident id: HandlerID, kind: String, routes: [RoutePattern], maximumBatch: Int, concurrency: Int,
        businessKey: [String], digest: Digest
    ) {
        self.id = id
        self.routes = routes.map { RouteTable.Route(source: $0.source, detailType: $0.detailType, handler: id) }
        self.maximumBatch = maximumBatch
        self.concurrency = concurrency
        self.businessKey = businessKey
        plugin = PluginDescription(name: kind, version: "", builtWith: "", minorVersion: 0, handlers: [])
        self.digest = digest
        isReused = false
        sandbox = SandboxReport(bits: 0, landlock: 0)
        configurationSchema = ""
    }
}
