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
    /// When the queue had it.
    public let sentAt: Timestamp
    /// When the answer must be there. ``Host/remaining`` knows better: a claim can be lost before.
    public let deadline: Timestamp
    /// Runs that counted, this one included: 1 at first.
    public let attempt: Int
    /// How often the queue gave it to anybody.
    public let deliveries: Int
    /// The key whose signature was verified.
    public let keyID: String
    /// True if id, source, detail type and resource were signed, too. Unless it is, they are the envelope's word.
    public let isBound: Bool
    /// The envelope's word, or empty: for tracing, never for a decision about money or rights.
    public let correlationID: String
    /// W3C traceparent, or empty.
    public let traceParent: String
    /// The message group of a FIFO queue, or empty: order is kept in it.
    public let groupID: String
    /// `user-id`, `tenant-id`, `device-id`: the envelope's word, too.
    public let attributes: [String: String]

    public init(
        id: String, source: String, detailType: String, detail: JSON, resource: String = "",
        signedAt: Timestamp = .epoch, sentAt: Timestamp = .epoch, deadline: Timestamp = .epoch, attempt: Int = 1,
        deliveries: Int = 1, keyID: String = "", isBound: Bool = false, correlationID: String = "",
        traceParent: String = "", groupID: String = "", attributes: [String: String] = [:]
    ) {
        self.id = id
        self.source = source
        self.detailType = detailType
        self.detail = detail
        self.resource = resource
        self.signedAt = signedAt
        self.sentAt = sentAt
        self.deadline = deadline
        self.attempt = attempt
        self.deliveries = deliveries
        self.keyID = keyID
        self.isBound = isBound
        self.correlationID = correlationID
        self.traceParent = traceParent
        self.groupID = groupID
        self.attributes = attributes
    }

    /// True for a timer that the handler set: its source is `outrigger.timer`, which no event from a queue has.
    public var isTimer: Bool { source == "outrigger.timer" }
}

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: Hashable, Comparable, Sendable {
    public let milliseconds: Int64
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }
    public static let epoch = Timestamp(milliseconds: 0)

    /// Days since 1970-01-01, in UTC.
    public var day: Int {
        let (days, rest) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        return Int(rest < 0 ? days - 1 : days)
    }

    /// The farthest point there is, where the sum lies beyond it.
    public static func + (time: Timestamp, duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let (whole, isTooLong) = seconds.multipliedReportingOverflow(by: 1_000)
        let rest = attoseconds / 1_000_000_000_000_000
        let (delta, isTooFar) = whole.addingReportingOverflow(rest)
        let (sum, isBeyond) = time.milliseconds.addingReportingOverflow(delta)
        guard !isTooLong, !isTooFar, !isBeyond else { return Timestamp(milliseconds: seconds < 0 ? .min : .max) }
        return Timestamp(milliseconds: sum)
    }

    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }
}
