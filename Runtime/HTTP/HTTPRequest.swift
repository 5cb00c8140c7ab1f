public import Events

/// One request. Redirects are not followed, answers are not decompressed, nothing is remembered between requests but
/// connections.
public struct HTTPRequest: Sendable {
    public var method: String
    /// `http` or `https`. With ``unixSocket`` its host is only what the `Host` header says.
    public var url: String
    public var headers: [HTTPHeader]
    public var body: Bytes
    /// From `send` to the whole answer.
    public var timeout: Duration
    public var connectTimeout: Duration
    /// The path of a Unix socket to connect to.
    public var unixSocket: String?
    /// A longer answer ends the transfer with ``HTTPFailure/Kind/tooLarge``.
    public var maximumBodyBytes: Int
    /// About how long the answer is, with its headers: so much is read at once, of a longer one several times.
    public var usualAnswerBytes = 16_384
    public var tls: TLSOptions
    /// Takes the body of an answer below 400 piece by piece, as it comes, on the client's thread; the answer then has
    /// none. It must not block; false ends the transfer.
    public var onBody: (@Sendable (Bytes) -> Bool)?
    /// Whether `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy` count. Never true of Unix sockets.
    public var obeysProxyEnvironment: Bool

    public init(
        method: String = "GET", url: String, headers: [HTTPHeader] = [], body: Bytes = [],
        timeout: Duration = .seconds(30), connectTimeout: Duration = .seconds(5), unixSocket: String? = nil,
        maximumBodyBytes: Int = 1_048_576, tls: TLSOptions = TLSOptions(), obeysProxyEnvironment: Bool = true
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.unixSocket = unixSocket
        self.maximumBodyBytes = maximumBodyBytes
        self.tls = tls
        self.obeysProxyEnvironment = obeysProxyEnvironment
    }
}

public struct HTTPHeader: Hashable, Sendable {
    public let name: String
    public let value: String
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// Whom to trust. TLS 1.2 or later, the certificate and its name are always checked.
public struct TLSOptions: Hashable, Sendable {
    /// A PEM file of certificate authorities, in place of the system's.
    public var authorities: String?
    /// SHA-256 of the key (SubjectPublicKeyInfo) in base64; the server must have one of them. Empty: any.
    public var pins: [String]

    public init(authorities: String? = nil, pins: [String] = []) {
        self.authorities = authorities
        self.pins = pins
    }
}
