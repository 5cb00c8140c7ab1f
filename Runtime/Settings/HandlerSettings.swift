// The handlers: which plugin, how it is run, and what it may do.
public import Events

public struct HandlerSettings: SettingsGroup, Hashable {
    /// What a handler may be.
    public enum Kind: String, Sendable, CaseIterable { case plugin, service, journal }

    /// Where it runs.
    public enum Isolation: String, CaseIterable, Sendable { case worker, inline }

    public var id = HandlerID("")
    /// Empty where the handler is none.
    public var plugin = ""
    /// What the plugin file's content must hash to.
    public var sha256: Digest?
    public var isolation = Isolation.worker
    /// Said beside `inline`.
    public var trusted = false
    /// `nil`: `plugin` is a plugin.
    public var call: CallSettings?
    /// `nil`: the handler is a plugin.
    public var service: ServiceHandlerSettings?
    /// `nil`: the handler is something that runs.
    public var journal: JournalHandlerSettings?
    /// The handler's own configuration: a JSON object in canonical form.
    public var config = Bytes("{}")
    /// Narrows the plugin's own routes; empty leaves them.
    public var routes: [RouteSettings] = []
    /// JSON Pointers; empty leaves the plugin's own key.
    public var businessKey: [String] = []
    public var workers = 1
    public var deadline = Duration.seconds(10)
    public var grace = Duration.seconds(2)
    public var memory = 536_870_912
    /// `nil`: no worker is replaced for its memory.
    public var memorySoft: Int?
    public var openFiles = 64
    /// Absolute paths.
    public var readable: [String] = []
    public var environment: [String: String] = [:]
    public var retry = RetrySettings()
    public var publish: [PublishSettings] = []
    /// Names of services.
    public var calls: [String] = []
    public var requireBinding = false
    /// `nil`: nothing is tried.
    public var trial: TrialSettings?

    public init() {}

    static let section = Section<Self>(
        Setting(
            "id", \.id, .handlerID, required: true, example: "hello",
            "The id that the plugin declares. It names the handler's state and metrics."),
        Setting(
            "plugin", \.plugin, .or("none", .path("/opt/outrigger/libhello.so")),
            example: "/opt/outrigger/libhello.so",
            "The plugin file. It is watched; a new build is loaded beside the old one."),
        Setting(
            "sha256", \.sha256, .or("none", .sha256), "What the plugin file must hash to. Any other file is refused."),
        Setting(
            "isolation", \.isolation, .choice,
            "worker: in processes of its own. inline: in the sidecar, for trusted C: a crash is the sidecar's, nothing "
                + "bounds what it uses, and what does not return can only be ended with the sidecar."),
        Setting(
            "trusted", \.trusted, .flag,
            "Beside isolation: inline, with sha256: that this file may do all that the sidecar may."),
        Setting(
            "call", \.call, .section(),
            "Makes a plain C function of any library, `plugin`, the handler. Absent: `plugin` is a plugin."),
        Setting(
            "service", \.service, .section(), alternative: true,
            "Makes a service the handler, in place of a plugin: it is sent each event, and its status is the outcome."),
        Setting(
            "journal", \.journal, .section(), alternative: true,
            "Makes the journal the handler, in place of a plugin: what is verified is written down, and is done."),
        Setting(
            "config", \.config, .freeObject, "The handler's own configuration, checked against the plugin's schema."),
        Setting(
            "routes", \.routes, .sections(atMost: Limits.routesPerHandler),
            "Narrows what the plugin takes; never widens it. Empty: all that the plugin declares."),
        Setting(
            "business-key", \.businessKey, .list(of: .pointer, atMost: 16),
            "JSON Pointers into the payload: events with equal values are one piece of work. Empty: the plugin's own."
        ),
        Setting("workers", \.workers, .count(1...Limits.workers), "Worker processes."),
        Setting(
            "deadline", \.deadline, .duration(.milliseconds(10)...(.hours(1))),
            "How long one event may take. A batch has as often as much as it has events."),
        Setting(
            "grace", \.grace, .duration(.zero...(.minutes(1))),
            "How long a worker has after its deadline before it is killed."),
        Setting("memory", \.memory, .size(16_777_216...(1 << 36)), "Data memory of one worker (RLIMIT_DATA)."),
        Setting(
            "memory-soft", \.memorySoft, .or("none", .size(1_048_576...(1 << 36))),
            "Memory in use beyond which a worker is replaced between events. Below memory: for handlers that leak."),
        Setting("open-files", \.openFiles, .count(16...4_096), "Open files of one worker (RLIMIT_NOFILE)."),
        Setting(
            "readable", \.readable, .list(of: .absolutePath("/etc/orders/rates.json"), atMost: 32),
            "Files and folders that its sandbox lets it read, beside the system's libraries."),
        Setting(
            "environment", \.environment,
            .map(names: "letters, digits and underscores, not AWS_..., LD_... or OUTRIGGER_...") { name in
                Names.isVariable(name) && !["AWS_", "LD_", "OUTRIGGER_"].contains { name.hasPrefix($0) }
            },
            "The worker's whole environment. Handlers get no credentials and no loader variables."),
        Setting("retry", \.retry, .section(), "When an event is tried again."),
        Setting(
            "publish", \.publish, .sections(atMost: Limits.routesPerHandler),
            "What the handler may publish. Anything else is denied."),
        Setting(
            "calls", \.calls, .list(of: .name("ledger"), atMost: Limits.services),
            "The services that it may call. Any other is denied."),
        Setting(
            "require-binding", \.requireBinding, .flag,
            "Refuses events whose source, detail type, resource and id are not signed."),
        Setting(
            "trial", \.trial, .section(),
            "A second build of the plugin, tried beside the first. Ended by `outrigger promote` and `rollback`."))
}

extension HandlerSettings {
    /// What it is said to be: a configuration that was read has just one.
    var kinds: [Kind] {
        Kind.allCases.filter { kind in
            switch kind {
            case .plugin: !plugin.isEmpty
            case .service: service != nil
            case .journal: journal != nil
            }
        }
    }

    public var kind: Kind { kinds.first ?? .plugin }

    /// For people.
    var what: String {
        if let service { return "service \(service.name) \(service.path)" }
        if journal != nil { return "journal" }
        return isolation == .inline ? "\(plugin), inline" : "\(plugin), workers \(workers)"
    }
}

public struct RouteSettings: SettingsGroup, Hashable {
    public var source = ""
    public var detailType = "*"
    public var critical = false

    public init() {}

    static let section = Section<Self>(
        Setting(
            "source", \.source, .pattern("com.example.orders"), required: true, example: "com.example.orders",
            "The event's source; * for any, or for one part between dots."),
        Setting("detail-type", \.detailType, .pattern("Order.Accepted.v1"), "The event's detail type, likewise."),
        Setting(
            "critical", \.critical, .flag,
            "Its events overtake the handler's others, and a quarter of its workers, of two at least, is kept for them."
        ))
}

public struct PublishSettings: SettingsGroup, Hashable {
    public var source = ""
    public var detailTypes: [String] = []

    public init() {}

    static let section = Section<Self>(
        Setting(
            "source", \.source, .word("a name without spaces", "com.example.billing", atMost: 256), required: true,
            example: "com.example.billing", "The source to publish under."),
        Setting(
            "detail-types", \.detailTypes, .list(of: .pattern("Invoice.Sent.v1"), atLeast: 1), required: true,
            example: "[Invoice.Sent.v1]", "The detail types; * for any, or for one part between dots."))
}
