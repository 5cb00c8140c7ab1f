import Events
import HTTP
import JSON

/// Why a call brought nothing, in the classes that the adapters tell apart.
struct AWSError: Error {
    enum Kind: Sendable {
        /// No whole answer.
        case unreachable
        /// An answer of 500 and above.
        case server
        case throttled
        /// Credentials, policies and keys of KMS.
        case denied
        case notFound
        /// The request itself: the same again brings the same.
        case refused
        /// An answer that cannot be read.
        case badReply
        /// None to sign with.
        case noCredentials
    }

    let kind: Kind
    /// Safe to log: AWS's code, HTTP status and request id. Never AWS's message, which may quote the request.
    let cause: String
    /// AWS's code, without any namespace; empty if there was no answer.
    var code = ""
    /// All that the service said, for who knows what to look for. Never logged.
    var reply: JSONDocument?

    init(_ failure: HTTPFailure) {
        kind = .unreachable
        cause = failure.description
    }

    init(_ failure: Failure) {
        kind = .noCredentials
        cause = failure.subject.isEmpty ? failure.cause : "\(failure.subject): \(failure.cause)"
    }

    init(_ kind: Kind, _ cause: String) {
        self.kind = kind
        self.cause = cause
    }

    /// One entry's code within an answer of 200.
    init(entryCode: String) {
        code = identifier(entryCode)
        kind = Kind(code: code, status: 400)
        cause = code
    }

    init(_ response: HTTPResponse, _ document: JSONDocument?) {
        code = AWSError.code(of: response, document)
        reply = document
        kind = Kind(code: code, status: response.status)
        var words = code.isEmpty ? "HTTP \(response.status)" : "\(code) (HTTP \(response.status)"
        if !code.isEmpty {
            let id = identifier(response.headers["x-amzn-requestid"] ?? "")
            words += id.isEmpty ? ")" : ", request \(id))"
        }
        cause = words
    }

    /// `__type` of the JSON protocol, else the header for those who know the older query protocol, else the header of
    /// the REST protocol.
    private static func code(of response: HTTPResponse, _ document: JSONDocument?) -> String {
        let type = document?.root["__type"]?.string ?? document?.root["code"]?.string
        let queryError = response.headers["x-amzn-query-error"]?.split(separator: ";").first.map(String.init)
        let text = type ?? queryError ?? response.headers["x-amzn-errortype"] ?? ""
        let name = text.split(separator: "#").last.map(String.init) ?? ""
        return identifier(String(name.prefix { $0 != ":" }))
    }
}

extension AWSError.Kind {
    /// Codes come with and without `Exception`, with and without the query protocol's prefix.
    init(code: String, status: Int) {
        var name = code[...]
        if name.hasPrefix("AWS.SimpleQueueService.") { name = name.dropFirst(23) }
        if name.hasSuffix("Exception") { name = name.dropLast(9) }
        switch name {
        case "Throttling", "Throttled", "RequestThrottled", "TooManyRequests", "RequestLimitExceeded", "SlowDown",
            "BandwidthLimitExceeded", "LimitExceeded", "OverLimit", "KmsThrottled", "KMS.Throttling",
            "PriorRequestNotComplete", "TooManyEntriesInFlight", "ProvisionedThroughputExceeded",
            "TransactionConflict", "TransactionInProgress":
            self = .throttled
        case "QueueDoesNotExist", "NonExistentQueue", "QueueDeletedRecently", "ResourceNotFound":
            self = .notFound
        case "AccessDenied", "UnauthorizedOperation", "NotAuthorized", "InvalidClientTokenId", "UnrecognizedClient",
            "SignatureDoesNotMatch", "InvalidSignature", "IncompleteSignature", "MissingAuthenticationToken",
            "InvalidAccessKeyId", "InvalidSecurity", "OptInRequired", "ExpiredToken", "RequestExpired",
            "RequestTimeTooSkewed":
            self = .denied
        case "InternalFailure", "InternalError", "InternalServerError", "ServiceUnavailable", "Internal":
            self = .server
        case let name where name.hasPrefix("Kms") || name.hasPrefix("KMS."): self = .denied
        default:
            switch status {
            case 500...: self = .server
            case 429: self = .throttled
            case 401, 403: self = .denied
            default: self = .refused
            }
        }
    }
}

/// What may stand in a log line of a word that a server sent.
func identifier(_ text: String) -> String {
    String(
        text.prefix(96).filter { character in
            character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
        })
}
