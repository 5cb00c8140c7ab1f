public import Events
public import Pipeline

/// How one handler is loaded and run: its part of a generation.
public struct HandlerOptions: Sendable {
    /// What shuts a worker in before its plugin is loaded.
    public enum Sandbox: String, Sendable, CaseIterable {
        /// A worker that cannot have all of it does not start: `plugin.sandbox`.
        case required
        /// As much as the kernel gives; the observer hears what is in force.
        case available
        /// Limits only: for debugging.
        case off
    }

    /// The handler's name inside its plugin, and everywhere else.
    public var id: HandlerID
    public var plugin: String
    /// SHA-256 that the plugin file must have.
    public var pin: Digest?
    /// A JSON object, as bytes.
    public var configuration: Bytes
    /// Processes.
    public var workers: Int
    /// For one event; a batch has it times its count.
    public var deadline: Duration
    /// From the deadline to the kill.
    public var grace: Duration
    /// For loading and for `create`, which are asked again within `patience` as long as they are not ready.
    public var createDeadline: Duration
    public var patience: Duration
    /// What an old generation's batches have before its workers are killed.
    public var drain: Duration
    /// RLIMIT_DATA of a worker, in bytes.
    public var memory: Int
    public var environment: [String: String]
    /// What the handler may publish.
    public var publish: [RoutePattern]
    public var sandbox: Sandbox
    /// Routes narrower than the plugin's; `nil` takes them as they are.
    public var routes: [RoutePattern]?
    /// JSON Pointers in place of the plugin's own business key.
    public var businessKey: [String]?

    public init(
        id: HandlerID, plugin: String, pin: Digest? = nil, configuration: Bytes = Bytes("{}"), workers: Int = 1,
        deadline: Duration = .seconds(30), grace: Duration = .seconds(2), createDeadline: Duration = .seconds(10),
        patience: Duration = .seconds(60), drain: Duration = .seconds(30), memory: Int = 268_435_456,
        environment: [String: String] = [:], publish: [RoutePattern] = [], sandbox: Sandbox = .required,
        routes: [RoutePattern]? = nil, businessKey: [String]? = nil
    ) {
        self.id = id
        self.plugin = plugin
        self.pin = pin
        self.configuration = configuration
        self.workers = min(max(workers, 1), Limits.workers)
        self.deadline = deadline
        self.grace = grace
        self.createDeadline = createDeadline
        self.patience = patience
        self.drain = drain
        self.memory = memory
        self.environment = environment
        self.publish = publish
        self.sandbox = sandbox
        self.routes = routes
        self.businessKey = businessKey
    }
}

extension HandlerOptions {
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
    public let sandbox: SandboxReport
    /// JSON Schema of the configuration, or empty.
    public let configurationSchema: String
}
