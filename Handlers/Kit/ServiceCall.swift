/// One HTTP exchange with the service in the same pod.

/// What a handler asks a service.
///
/// ```swift
/// let answer = try host.call(ServiceRequest("ledger", path: "/entries", encoding: entry))
/// guard answer.isSuccess else { throw Rejection("ledger.refused", "status \(answer.status)") }
/// ```
public struct ServiceRequest: Sendable {
    /// A name from the operator's configuration, never an address.
    public var service: String
    /// In capital letters.
    public var method: String
    /// Absolute, with its query, percent-encoded: `/accounts/A-1?at=now`.
    public var path: String
    /// `traceparent` and `Idempotency-Key` are the host's, as are `Host`, `Content-Length` and what belongs to a
    /// connection: a request that names one of them is ``HostFailure/invalid``.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// Empty for the derived one, which is nearly always right: the same on every attempt of the event, and another
    /// for each call of it.
    public var idempotencyKey: String
    /// `nil` for the operator's. The event's own time ends every call.
    public var timeout: Duration?

    public init(
        _ service: String, method: String = "POST", path: String, headers: [(name: String, value: String)] = [],
        body: [UInt8] = [], idempotencyKey: String = "", timeout: Duration? = nil
    ) {
        self.service = service
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.idempotencyKey = idempotencyKey
        self.timeout = timeout
    }

    /// A request with a JSON body.
    public init(
        _ service: String, method: String = "POST", path: String, json: JSON,
        idempotencyKey: String = "", timeout: Duration? = nil
    ) {
        self.init(
            service, method: method, path: path, headers: [("content-type", "application/json")], body: json.bytes,
            idempotencyKey: idempotencyKey, timeout: timeout)
    }

    /// A request whose body is a type of the handler's own. See ``JSON/init(encoding:)``.
    public init(
        _ service: String, method: String = "POST", path: String, encoding body: some Encodable,
        idempotencyKey: String = "", timeout: Duration? = nil
    ) throws {
        self.init(
            service, method: method, path: path, json: try JSON(encoding: body), idempotencyKey: idempotencyKey,
            timeout: timeout)
    }
}

/// What a service answered, whatever its status.
public struct ServiceResponse: Sendable {
    public let status: Int
    /// As the service sent them.
    public let headers: [(name: String, value: String)]
    public let body: [UInt8]

    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response with a JSON body.
    public init(status: Int, json: JSON) {
        self.init(status: status, headers: [("content-type", "application/json")], body: json.bytes)
    }

    public var isSuccess: Bool { (200...299).contains(status) }

    /// The value of the first header of this name, in whatever case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// The body as JSON.
    /// - Throws: ``JSON/Unreadable``. Thrown on, it would reject the event for what the service did: say what it means
    ///   to yours.
    public func json() throws(JSON.Unreadable) -> JSON { try JSON(parsing: body) }
}
