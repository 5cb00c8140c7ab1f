/// One service of the pod: where it listens, and how much of it is asked at once.
public struct ServiceOptions: Sendable, Hashable {
    public var name: String
    /// The path of its Unix socket.
    public var socket: String
    /// Of one exchange, from its start to the whole answer.
    public var timeout: Duration
    /// Exchanges at once. Others wait in line.
    public var concurrency: Int
    public var breaker: Circuit.Options

    public init(
        name: String, socket: String, timeout: Duration = .seconds(2), concurrency: Int = 16,
        breaker: Circuit.Options = Circuit.Options()
    ) {
        self.name = name
        self.socket = socket
        self.timeout = timeout
        self.concurrency = concurrency
        self.breaker = breaker
    }
}
