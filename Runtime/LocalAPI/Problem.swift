import Hummingbird
import JSON

/// An error as HTTP APIs tell it (RFC 9457).
struct Problem: Sendable {
    let status: HTTPResponse.Status
    /// What is wrong with this request, in words.
    let detail: String

    var response: Response {
        let members: JSONValue = [
            "type": "about:blank", "title": .string(status.reasonPhrase), "status": .integer(Int64(status.code)),
            "detail": .string(detail),
        ]
        return Response(
            status: status, headers: [.contentType: "application/problem+json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: members.serialised())))
    }
}
