import Events
import JSON
import Pipeline

/// Writes a verified event as a CloudEvent 1.0 in structured mode (JSON Event Format, section 3): what a service is
/// sent that handles events itself.
///
/// The body depends on the event alone, so that every attempt sends the same bytes under the same Idempotency-Key: a
/// service that compares them answers a repeat, and no conflict. Which attempt it is stands in a header.
enum CloudEventWriter {
    static let attemptHeader = "Outrigger-Attempt"

    private static let contentType = "application/cloudevents+json; charset=utf-8"

    static func headers(of assignment: Assignment) -> [Attribute] {
        [
            Attribute(name: "Content-Type", value: contentType),
            Attribute(name: attemptHeader, value: String(assignment.attempt)),
        ]
    }

    /// `data` is the payload, byte for byte as it was signed. Extensions have names of lower-case letters alone.
    static func body(of event: Event) -> [UInt8] {
        let texts: [(name: String, value: String)] = [
            ("id", event.id.text), ("source", event.source), ("type", event.detailType), ("subject", event.resource),
            ("time", Timestamp.text(of: event.signedAt)), ("datacontenttype", "application/json"),
            ("correlationid", event.trace.correlationID),
            ("traceparent", Identifier.isTraceParent(event.trace.parent) ? event.trace.parent : ""),
            ("tenantid", event.trace.tenantID), ("userid", event.trace.userID),
        ]
        let members = texts.filter { !$0.value.isEmpty }.map { JSONMember($0.name, .string($0.value)) }
        let head = JSONValue.object([JSONMember("specversion", "1.0")] + members).serialised()
        return head.dropLast() + Array(",\"data\":".utf8) + event.detail + [UInt8(ascii: "}")]
    }
}
