import Cryptography
@_spi(Verification) public import Events

/// A timer of a handler, once it is due: an event that the sidecar makes itself.
public enum TimerEvent {
    public static let source = "outrigger.timer"
    public static let issuer = "timer"

    public static func make(
        _ id: String, of handler: String, detail: Bytes, correlationID: String, at now: Instant
    ) -> Event {
        Event(
            id: EventID(issuer: issuer, text: id), tokenDigest: nil, payloadDigest: Hash.sha256(detail),
            source: source, detailType: handler, resource: "", detail: detail, keyID: "outrigger", signedAt: now,
            isBound: true, trace: Event.Trace(correlationID: correlationID))
    }
}

extension Event {
    /// The sidecar made it: it was in no queue.
    public var isTimer: Bool { source == TimerEvent.source && id.issuer == TimerEvent.issuer }
}
