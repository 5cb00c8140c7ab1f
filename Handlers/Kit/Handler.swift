/// What an author writes: a value made from its configuration, and one function that answers events.

/// A handler of events.
///
/// ```swift
/// struct Hello: Handler {
///     static let id = "hello"
///     static let routes = [Route("com.example.greetings", "Greeting.Sent.v1")]
///     init(config: JSON) throws {}
///     func handle(_ event: Event, _ host: any Host) throws -> Outcome {
///         host.log(.info, "hello", ["event": event.id])
///         return .done
///     }
/// }
/// ```
///
/// An instance never changes: a reload makes a new one, so two may be alive at once. What must be remembered goes
/// into the host's state. Events come one by one: each is answered, and committed or not, alone. Payloads and
/// configurations as types are ``TypedHandler``'s.
public protocol Handler: Sendable {
    /// `[a-z0-9-]{1,48}`; names its metrics, its state and its configuration.
    static var id: String { get }
    /// One line for people.
    static var summary: String { get }
    /// The events it takes.
    static var routes: [Route] { get }
    /// Pointers into the payload whose values, with the detail type, make two events one piece of work.
    static var businessKey: [Pointer] { get }
    /// The state keys that it will read: their values travel with the event.
    static var stateKeys: [KeyTemplate] { get }
    /// Everything that it may publish. A draft that is not listed here is refused with ``HostFailure/denied``.
    static var publishes: [Route] { get }
    /// What it cannot work without. A host that lacks one refuses to load it.
    static var services: [Service] { get }
    /// How many events one instance handles at once, on as many threads: 1 to 16. For more, the operator runs more
    /// workers.
    static var concurrency: Int { get }
    /// A JSON Schema for its configuration, checked by the host before an instance is made; or `nil`.
    static var configSchema: String? { get }

    /// Checks everything that the configuration says, so that ``handle(_:_:)`` never finds it wrong.
    ///
    /// - Throws: ``HostFailure/unavailable``: not ready yet, the sidecar asks again. Any other error: the configuration
    ///   is refused, and the sidecar keeps what it had.
    init(config: JSON) throws

    /// Answers one event. What it wrote and published through `host` is committed if and only if the answer is
    /// ``Outcome/done``.
    ///
    /// - Throws: ``Rejection`` and ``JSON/Mismatch`` reject the event, ``HostFailure/unavailable`` waits, any other
    ///   error is a retry.
    func handle(_ event: Event, _ host: any Host) throws -> Outcome
}

extension Handler {
    public static var summary: String { "" }
    public static var businessKey: [Pointer] { [] }
    public static var stateKeys: [KeyTemplate] { [] }
    public static var publishes: [Route] { [] }
    public static var services: [Service] {
        (stateKeys.isEmpty ? [] : [.state]) + (publishes.isEmpty ? [] : [.publish])
    }
    public static var concurrency: Int { 1 }
    public static var configSchema: String? { nil }
}

/// A source and a detail type, each exact or `*`.
public struct Route: Hashable, Sendable {
    public let source: String
    public let detailType: String
    public init(_ source: String, _ detailType: String) {
        self.source = source
        self.detailType = detailType
    }
}

/// A service of the host, by name and revision.
public enum Service: String, Sendable {
    case state = "eh.state/1"
    case publish = "eh.publish/1"
    case call = "eh.call/1"
    case timer = "eh.timer/1"
}
