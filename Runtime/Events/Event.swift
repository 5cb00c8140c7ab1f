/// Who signed, and under which id. The id is the signed `jti` where the token has one; else the envelope's,
/// which the bus mints anew each time a publisher sends.
public struct EventID: Hashable, Sendable, CustomStringConvertible {
    public let issuer: String
    public let text: String
    public init(issuer: String, text: String) {
        self.issuer = issuer
        self.text = text
    }
    public var description: String { text }

    /// By bytes, as every store compares: text that Unicode calls equivalent is another id.
    public static func == (left: EventID, right: EventID) -> Bool {
        left.text.hasSameBytes(as: right.text) && left.issuer.hasSameBytes(as: right.issuer)
    }
}

/// An event whose signature was verified. It never changes, and is passed on and kept in many places: a reference, so
/// that this costs nothing. No other way of making one exists outside `verify`:
/// the initialiser is behind the SPI `Verification`, which the Signatures module alone imports (and the
/// Store, for the sidecar's own timers); TidyTests holds that.
public final class Event: Sendable {
    public let id: EventID
    /// SHA-256 of `header.payload` where the token carries no `jti`, so that one token is one event
    /// whatever envelope it comes in; `nil` where the signed id does that.
    public let tokenDigest: Digest?
    /// SHA-256 of the signed payload.
    public let payloadDigest: Digest
    public let source: String
    public let detailType: String
    /// The detail's resource, else the first of the envelope's, or empty.
    public let resource: String
    /// The business payload, exactly the bytes that were signed.
    public let detail: Bytes
    public let keyID: String
    /// When it was signed.
    public let signedAt: Instant
    /// True if id, source, detail type and resource were signed, too.
    public let isBound: Bool
    /// What the envelope says and nobody signed: for tracing and for people.
    public let trace: Trace

    public struct Trace: Sendable, Hashable {
        public var correlationID: String
        public var userID: String
        public var tenantID: String
        public var deviceID: String
        /// W3C traceparent, or empty.
        public var parent: String
        public init(
            correlationID: String = "", userID: String = "", tenantID: String = "", deviceID: String = "",
            parent: String = ""
        ) {
            self.correlationID = correlationID
            self.userID = userID
            self.tenantID = tenantID
            self.deviceID = deviceID
            self.parent = parent
        }
    }

    @_spi(Verification)
    public init(
        id: EventID, tokenDigest: Digest?, payloadDigest: Digest, source: String, detailType: String,
        resource: String, detail: Bytes, keyID: String, signedAt: Instant, isBound: Bool, trace: Trace
    ) {
        self.id = id
        self.tokenDigest = tokenDigest
        self.payloadDigest = payloadDigest
        self.source = source
        self.detailType = detailType
        self.resource = resource
        self.detail = detail
        self.keyID = keyID
        self.signedAt = signedAt
        self.isBound = isBound
        self.trace = trace
    }
}
