import Cryptography
public import Events

/// Which variant of the signature the keys of a set make.
public enum SignatureProfile: String, Sendable, CaseIterable {
    case round31 = "r3.1"
    case ipd
    case mldsa44
    /// Any of them; the one that last verified under a key is tried first.
    case auto

    /// The one that it allows; `nil` for any.
    var variant: SignatureVariant? {
        switch self {
        case .round31: .round31
        case .ipd: .ipd
        case .mldsa44: .mldsa44
        case .auto: nil
        }
    }

    func allows(_ variant: SignatureVariant) -> Bool { self.variant.map { $0 == variant } ?? true }
}

/// How a payload must be written.
public enum CanonicalRule: String, Sendable, CaseIterable {
    /// RFC 8785, and the event's detailCore must be the same value.
    case strict
    /// As its producer likes: the signed bytes are used, and the event's detailCore must be the same value.
    case asSigned = "as-signed"
}

/// One key set: where it comes from, and who may speak with its keys.
public struct KeySetOptions: Sendable {
    /// Names the issuer in event ids, metrics and logs: it outlives URLs.
    public var name: String
    /// https, or http to loopback, or `unix:/path/to.sock:/path`. Never taken from a token.
    public var url: String
    /// SHA-256 of the server's key (SubjectPublicKeyInfo) in base64; empty for any that the certificate vouches for.
    public var pins: [String]
    /// Sources that its keys may speak for: names, or patterns (`qsl.*`).
    public var sources: [String]
    public var profile: SignatureProfile
    public var canonical: CanonicalRule
    /// Refuse tokens that do not carry src, dt, res and jti.
    public var requireBinding: Bool
    /// Key ids that verify nothing any more, whatever the document says.
    public var revoked: Set<String>
    /// How often the document is fetched.
    public var refresh: Duration
    /// How old the last good document may grow before the queue pauses.
    public var maximumAge: Duration
    /// How long after its signing an event may come that was signed by a key which has left the document: the window of
    /// the ledger.
    public var window: Duration

    public init(
        name: String, url: String, pins: [String] = [], sources: [String], profile: SignatureProfile = .auto,
        canonical: CanonicalRule = .strict, requireBinding: Bool = false, revoked: Set<String> = [],
        refresh: Duration = .minutes(5), maximumAge: Duration = .hours(24), window: Duration = .days(15)
    ) {
        self.name = name
        self.url = url
        self.pins = pins
        self.sources = sources
        self.profile = profile
        self.canonical = canonical
        self.requireBinding = requireBinding
        self.revoked = revoked
        self.refresh = refresh
        self.maximumAge = maximumAge
        self.window = window
    }
}

/// What `verify` demands of every event, whatever its key set.
public struct VerifyOptions: Sendable {
    /// Routes whose events must be bound; parts as in the route table.
    public struct Route: Sendable, Hashable {
        public var source: String
        public var detailType: String
        public init(source: String, detailType: String) {
            self.source = source
            self.detailType = detailType
        }
    }
    /// How far after the queue had the message its token may have been signed (`skew.ahead`).
    public var skewAhead: Duration
    public var requireBinding: [Route]

    public init(skewAhead: Duration = .minutes(5), requireBinding: [Route] = []) {
        self.skewAhead = skewAhead
        self.requireBinding = requireBinding
    }
}
