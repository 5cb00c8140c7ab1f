import Events
import Hummingbird
import JSON

/// An error as HTTP APIs tell it (RFC 9457).
struct Problem: Sendable {
    let status: HTTPResponse.Status
    /// What is wrong with this request, in words.
    let detail: String
    /// Beside the members of the RFC.
    var more: [JSONMember] = []

    var response: Response {
        let members: [JSONMember] = [
            JSONMember("type", "about:blank"), JSONMember("title", .string(status.reasonPhrase)),
            JSONMember("status", .integer(Int64(status.code))), JSONMember("detail", .string(detail)),
        ]
        return Response(
            status: status, headers: [.contentType: "application/problem+json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: JSONValue.object(members + more).serialised())))
    }
}

/// A failure as the answer to a request: `code`, `subject` and `remedy` stand beside the members of the RFC.
struct ProblemError: Error {
    let status: HTTPResponse.Status
    let failure: Failure
    var headers: HTTPFields
    /// Further members: `pointer` of what breaks a schema.
    var more: [JSONMember]

    /// - Parameter retryAfter: when it is worth asking again, rounded up to seconds (RFC 9110, 10.2.3).
    init(
        _ status: HTTPResponse.Status, _ failure: Failure, headers: HTTPFields = [:], retryAfter: Duration? = nil,
        more: [JSONMember] = []
    ) {
        self.status = status
        self.failure = failure
        self.headers = headers
        self.more = more
        if let retryAfter {
            self.headers[.retryAfter] = String(max(1, Int((retryAfter / .seconds(1)).rounded(.up))))
        }
    }

    /// Any failure, with the status that its code stands for.
    init(_ failure: Failure) {
        let status = failure.code.status
        let isPassing = status == .serviceUnavailable || status == .tooManyRequests
        self.init(status, failure, retryAfter: isPassing ? .seconds(1) : nil)
    }

    /// The same, and the connection ends after it: what is left of the request is not worth reading.
    var closing: ProblemError {
        var error = self
        error.headers[.connection] = "close"
        return error
    }

    static func tooLarge(_ limit: Int) -> ProblemError {
        ProblemError(.contentTooLarge, Failure(.apiTooLarge, "body", "it may have \(limit) bytes")).closing
    }

    var response: Response {
        var members = [JSONMember("code", .string(failure.code.rawValue))]
        if !failure.subject.isEmpty { members.append(JSONMember("subject", .string(failure.subject))) }
        members.append(JSONMember("remedy", .string(failure.code.entry.remedy)))
        let detail = failure.cause.isEmpty ? failure.code.entry.meaning : failure.cause
        var response = Problem(status: status, detail: detail, more: members + more).response
        for field in headers { response.headers[field.name] = field.value }
        return response
    }
}

extension FailureCode {
    /// What the local API answers where a failure comes from below.
    var status: HTTPResponse.Status {
        switch self {
        case .apiMalformed: .badRequest
        case .apiDenied, .publishDenied: .forbidden
        case .apiNotFound: .notFound
        case .apiConflict: .conflict
        case .apiTooLarge, .publishTooLarge: .contentTooLarge
        case .apiUnsupported: .unsupportedMediaType
        case .apiThrottled, .publishOutboxFull: .tooManyRequests
        case .apiUnavailable: .serviceUnavailable
        case .publishSchema: .unprocessableContent
        case .settingsNotCurrent: .preconditionFailed
        default: area == "store" || area == "publish" ? .serviceUnavailable : .internalServerError
        }
    }
}
