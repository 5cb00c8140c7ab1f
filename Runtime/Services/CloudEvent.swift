import Events
import JSON
import Pipeline

/// A verified event as a CloudEvent 1.0 in structured mode (JSON Event Format, section 3): what a service is sent that
/// handles events itself.
struct CloudEvent {
    static let contentType = "application/cloudevents+json; charset=utf-8"

    let bytes: [UInt8]

    /// `data` is the payload, byte for byte as it was signed. Extensions have names of lower-case letters alone.
    init(_ assignment: Assignment) {
        let event = assignment.event
        let texts: [(name: String, value: String)] = [
            ("id", event.id.text), ("source", event.source), ("type", event.detailType), ("subject", event.resource),
            ("time", Timestamp.text(of: event.signedAt)), ("datacontenttype", "application/json"),
            ("correlationid", event.trace.correlationID),
            ("traceparent", Identifier.isTraceParent(event.trace.parent) ? event.trace.parent : ""),
            ("tenantid", event.trace.tenantID), ("userid", event.trace.userID),
        ]
        var members = [JSONMember("specversion", "1.0")]
        members += texts.filter { !$0.value.isEmpty }.map { JSONMember($0.name, .string($0.value)) }
        members.append(JSONMember("attempt", .integer(Int64(assignment.attempt))))
        let head = JSONValue.object(members).serialised()
        bytes = head.dropLast() + Array(",\"data\":".utf8) + event.detail + [UInt8(ascii: "}")]
    }
}
