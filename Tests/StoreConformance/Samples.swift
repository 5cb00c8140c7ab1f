import Cryptography
@_spi(Verification) public import Events
public import Pipeline

/// Requests for tests that go beyond the suite.
public enum Samples {
    public static func request(_ id: String, message: String, at now: Instant) -> ClaimRequest {
        let event = Event(
            id: EventID(issuer: "key-1", text: id), tokenDigest: nil, payloadDigest: Hash.sha256(Array("{}".utf8)),
            source: "qsl.treasury", detailType: "Payment.Created.v1", resource: "", detail: Bytes("{}"),
            keyID: "key-1", signedAt: now, isBound: true, trace: Event.Trace(correlationID: "c-1"))
        return ClaimRequest(
            consumer: QueueName("payments"), messageID: MessageID(message), event: event,
            handler: HandlerID("treasury"), businessKey: nil, sentAt: now,
            rules: AgeRules(maximumAge: .hours(25), window: .days(5)), lease: .seconds(30))
    }
}
