/// What a handler may ask for while it answers an event.

/// The host, for one event: valid until `handle` returns. It is not `Sendable`, so it cannot be kept.
///
/// State and publishing are part of the promise: committed all at once, once per event, if and only if the answer is
/// ``Outcome/done``. Calls, logs and metrics are not.
public protocol Host {
    /// The value of a key, with what this event and earlier ones of this handler wrote, or `nil`.
    func get(_ key: String) throws(HostFailure) -> Stored?
    /// The values of several keys, in one round trip; a key without a value is left out.
    func get(_ keys: [String]) throws(HostFailure) -> [String: Stored]
    /// Writes a key at commit. Whatever `ifVersion` says, a key that was read must still be as it was read.
    /// - Parameter timeToLive: after which the key is gone; `nil` keeps it.
    func put(
        _ key: String, _ value: [UInt8], ifVersion: Version, timeToLive: Duration?) throws(HostFailure)
    /// Removes a key at commit.
    func erase(_ key: String, ifVersion: Version) throws(HostFailure)
    /// Publishes an event after commit, at least once, always under the same signed id.
    func publish(_ draft: Draft) throws(HostFailure)
    /// Sends the handler an event at or soon after `time`, with source `outrigger.timer` and the handler's id as
    /// detail type: see ``Event/isTimer``. One timer per key: setting it again moves it. The event does not say its
    /// key: what it is about belongs into `detail`.
    func setTimer(_ key: String, at time: Timestamp, detail: JSON) throws(HostFailure)
    func removeTimer(_ key: String) throws(HostFailure)

    /// One HTTP exchange with a service of the operator's configuration. Not part of the promise: it happens at once,
    /// and again on a retry, under the same `Idempotency-Key`. Any status is an answer.
    /// - Throws: ``HostFailure/unavailable`` for a service that is away, slow or refused by its circuit breaker: let it
    ///   through, and the event waits, at no attempt. ``HostFailure/denied``: not among this handler's `calls`.
    ///   ``HostFailure/tooLarge``: request, answer, or all calls of this event together.
    func call(_ request: ServiceRequest) throws(HostFailure) -> ServiceResponse

    /// One structured log line; the host adds handler, event and trace. No payload, no secrets, no personal data.
    func log(_ level: Level, _ message: String, _ fields: KeyValuePairs<String, String>)
    /// Adds to the counter `handler_<id>_<name>`.
    func count(_ name: String, by delta: UInt64, _ labels: KeyValuePairs<String, String>)
    /// Adds an observation to the histogram `handler_<id>_<name>`.
    func observe(_ name: String, _ value: Double, _ labels: KeyValuePairs<String, String>)
    /// The time left for this event. Zero or less: return now; what is unanswered costs no attempt.
    var remaining: Duration { get }
}

extension Host {
    public func get(_ keys: [String]) throws(HostFailure) -> [String: Stored] {
        var found: [String: Stored] = [:]
        for key in keys { found[key] = try get(key) }
        return found
    }
    public func put(_ key: String, _ value: [UInt8]) throws(HostFailure) {
        try put(key, value, ifVersion: .any, timeToLive: nil)
    }
    public func erase(_ key: String) throws(HostFailure) { try erase(key, ifVersion: .any) }
    public func setTimer(_ key: String, at time: Timestamp, encoding detail: some Encodable) throws {
        try setTimer(key, at: time, detail: JSON(encoding: detail))
    }
    public func log(_ level: Level, _ message: String) { log(level, message, [:]) }
    public func count(_ name: String, _ labels: KeyValuePairs<String, String> = [:]) { count(name, by: 1, labels) }
    public func count(_ name: String, by delta: UInt64) { count(name, by: delta, [:]) }
    public func observe(_ name: String, _ value: Double) { observe(name, value, [:]) }
}

/// Why the host did not do what it was asked. Thrown on, it becomes a wait or a retry.
public enum HostFailure: String, Error, Hashable, Sendable {
    /// The version did not match.
    case conflict
    /// A value, a draft, a call, or all effects or calls of this event together are too large.
    case tooLarge = "too-large"
    /// No time is left, or the event was answered already.
    case expired
    /// Not now: the store, or a service that was called.
    case unavailable
    /// The operator's configuration, or the handler's own list of what it publishes, does not allow it.
    case denied
    /// A call that cannot be right, or stored bytes that cannot be read.
    case invalid
}

/// A value of the state, and the version that a conditional write may name.
public struct Stored: Hashable, Sendable {
    public let value: [UInt8]
    public let version: Version
    public init(value: [UInt8], version: Version) {
        self.value = value
        self.version = version
    }
}

/// The version of a state key. Versions never repeat, also not after an erase.
public struct Version: Hashable, Sendable {
    public let number: UInt64
    public init(_ number: UInt64) { self.number = number }
    /// The key must not exist.
    public static let absent = Version(0)
    /// Whatever it is; on a key that was never read, a blind write.
    public static let any = Version(.max)
}

public enum Level: Int32, Hashable, Sendable {
    case trace, debug, info, warning, error
}

/// An event to be published. The host makes it canonical, signs it and gives it an id.
public struct Draft: Hashable, Sendable {
    public let source: String
    public let detailType: String
    /// `urn:...`, or empty for the parent's. Events of one resource are sent in order.
    public let resource: String
    public let detail: JSON
    /// Empty for the parent's.
    public let correlationID: String
    /// What travels beside the payload, unsigned: `user-id`, `tenant-id`, `device-id`.
    public let attributes: [String: String]

    public init(
        _ route: Route, resource: String = "", detail: JSON, correlationID: String = "",
        attributes: [String: String] = [:]
    ) {
        source = route.source
        detailType = route.detailType
        self.resource = resource
        self.detail = detail
        self.correlationID = correlationID
        self.attributes = attributes
    }

    /// A draft whose payload is a type of the handler's own. See ``JSON/init(encoding:)``.
    public init(
        _ route: Route, resource: String = "", encoding detail: some Encodable, correlationID: String = "",
        attributes: [String: String] = [:]
    ) throws {
        self.init(
            route, resource: resource, detail: try JSON(encoding: detail), correlationID: correlationID,
            attributes: attributes)
    }
}
