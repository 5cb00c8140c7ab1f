/// What a handler is given: a verified event, as values.

/// An event whose signature was verified by the host, seen for the first time or not yet finished.
public struct Event: Sendable {
    /// The same on every attempt and every redelivery.
    public let id: String
    public let source: String
    public let detailType: String
    /// The business payload: exactly what was signed.
    public let detail: JSON
    /// `urn:...` of what it is about, or empty.
    public let resource: String
    /// When it was signed.
    public let signedAt: Timestamp
    /// Runs that counted, this one included: 1 at first.
    public let attempt: Int
    /// The key whose signature was verified.
    public let keyID: String
    /// True if id, source, detail type and resource were signed, too. Unless it is, they are the envelope's word.
    public let isBound: Bool
    /// The envelope's word, or empty: for tracing, never for a decision about money or rights.
    public let correlationID: String
    /// `user-id`, `tenant-id`, `device-id` and the message's own: the envelope's word, too.
    public let attributes: [String: String]

    public init(
        id: String, source: String, detailType: String, detail: JSON, resource: String = "",
        signedAt: Timestamp = Timestamp(milliseconds: 0), attempt: Int = 1, keyID: String = "",
        isBound: Bool = false, correlationID: String = "", attributes: [String: String] = [:]
    ) {
        self.id = id
        self.source = source
        self.detailType = detailType
        self.detail = detail
        self.resource = resource
        self.signedAt = signedAt
        self.attempt = attempt
        self.keyID = keyID
        self.isBound = isBound
        self.correlationID = correlationID
        self.attributes = attributes
    }
}

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: Hashable, Comparable, Sendable {
    public let milliseconds: Int64
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Days since 1970-01-01, in UTC.
    public var day: Int {
        let (days, rest) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        return Int(rest < 0 ? days - 1 : days)
    }

    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }
}
