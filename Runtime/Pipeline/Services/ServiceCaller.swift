public import Events

/// One HTTP exchange that a handler asks for, or that is made in its place. That the operator allows it was checked.
public struct ServiceCall: Sendable {
    /// For whom: everything that the host adds to the request derives from here.
    public struct Origin: Sendable, Hashable {
        public var event: EventID
        public var handler: HandlerID
        /// Runs of the event that counted, this one included.
        public var attempt: Int
        /// The how-manieth call of this service, method and path in this run, from 1. 0 for the event itself, whose key
        /// stays the same whatever service and path it goes to.
        public var ordinal: Int
        /// The event's own, or empty.
        public var traceParent: String
        public init(event: EventID, handler: HandlerID, attempt: Int, ordinal: Int, traceParent: String) {
            self.event = event
            self.handler = handler
            self.attempt = attempt
            self.ordinal = ordinal
            self.traceParent = traceParent
        }
    }

    /// A name of the configuration.
    public var service: String
    public var method: String
    /// Absolute, with its query, percent-encoded.
    public var path: String
    public var headers: [Attribute]
    public var body: Bytes
    /// The caller's own, or empty for the derived one.
    public var idempotencyKey: String
    /// What is left for it, of the event and by the caller's own word. The service's timeout comes on top.
    public var timeout: Duration
    /// What its answer's body may have.
    public var answerBytes: Int
    public var origin: Origin

    public init(
        service: String, method: String, path: String, headers: [Attribute] = [], body: Bytes = [],
        idempotencyKey: String = "", timeout: Duration, answerBytes: Int = Limits.callAnswerBytes, origin: Origin
    ) {
        self.service = service
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.idempotencyKey = idempotencyKey
        self.timeout = timeout
        self.answerBytes = answerBytes
        self.origin = origin
    }
}

/// What a service answered, whatever its status.
public struct ServiceAnswer: Sendable, Hashable {
    public var status: Int
    /// Without those that belong to the connection.
    public var headers: [Attribute]
    public var body: Bytes
    public init(status: Int, headers: [Attribute] = [], body: Bytes = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first value under this name, in whatever case (RFC 9110, section 5.1).
    public subscript(header name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// Calls the services next door. At least once is all that such a call can promise; the key under which it goes is the
/// same on every attempt.
public protocol ServiceCaller: Sendable {
    /// Any status is an answer. Ends when its task is cancelled.
    ///
    /// Throws `call.unavailable` (nothing was sent), `call.timed-out`, `call.bad-reply` (an answer that broke off, or
    /// is none), `call.too-large` (of the answer), `call.invalid` (of the request).
    func call(_ call: ServiceCall) async throws(Failure) -> ServiceAnswer
}

/// Where there are no services.
public struct NoServices: ServiceCaller {
    public init() {}
    public func call(_ call: ServiceCall) async throws(Failure) -> ServiceAnswer {
        throw Failure(.callUnavailable, call.service, "there are no services here")
    }
}
