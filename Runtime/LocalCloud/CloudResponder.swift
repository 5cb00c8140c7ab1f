// From HTTP to the services and back.

import Events
import Hummingbird
import JSON

/// Answers every request of a local cloud.
struct CloudResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    let sqs: SQSService
    let events: EventsService
    let faults: FaultInjector
    let options: LocalCloud.Options
    let statistics: @Sendable () -> CloudStatistics

    /// A batch of ten and its JSON: twice what SQS and EventBridge take at once, escapes included, and some.
    private static let largestRequest = 4 * Limits.messageBytes

    func respond(to request: Request, context: Context) async throws -> Response {
        var request = request
        let body: Bytes
        do {
            body = Array(buffer: try await request.collectBody(upTo: CloudResponder.largestRequest))[...]
        } catch {
            return CloudResponder.plain(.contentTooLarge, "The request is too large.\n")
        }
        if let target = request.headers[.target] { return await call(target, body) }
        switch (request.method, request.uri.path) {
        case (.get, "/_stats"): return CloudResponder.json(.ok, statistics().json.bytes[...])
        case (.post, "/_faults"): return setFaults(body)
        case (.get, "/keys/jwks-pqc"):
            guard let keySet = options.keySet else { break }
            return CloudResponder.json(.ok, await keySet())
        case (.post, "/sign"):
            guard let sign = options.sign else { break }
            let (status, answer) = await sign(body)
            return CloudResponder.json(.init(code: status), answer)
        default: break
        }
        return CloudResponder.plain(.notFound, "There is nothing here.\n")
    }

    // MARK: - AWS

    private func call(_ target: String, _ body: Bytes) async -> Response {
        let parts = target.split(separator: ".", maxSplits: 1)
        let isQueue = parts.first == "AmazonSQS"
        let version = isQueue ? "1.0" : "1.1"
        do throws(ServiceError) {
            guard parts.count == 2, isQueue || parts.first == "AWSEvents" else {
                throw ServiceError(.unknownOperation, "The target is neither AmazonSQS nor AWSEvents.")
            }
            let operation = String(parts[1])
            let request: JSONNode
            do { request = try JSONDocument(body.isEmpty ? Bytes("{}") : body).root } catch {
                throw ServiceError(.malformed, "The request is not JSON: \(error)")
            }
            let faults = faults.faults(
                queue: isQueue ? SQSService.queueName(request) : nil, operation: operation)
            if let faults { try await fail(faults, isQueue: isQueue) }
            let answer =
                isQueue
                ? try await sqs.answer(operation, request, faults) : try events.answer(operation, request, faults)
            if let faults, self.faults.happens(faults.lostReply) { return CloudResponder.lost(answer.bytes.count) }
            return CloudResponder.aws(.ok, version, answer.bytes)
        } catch {
            return CloudResponder.refusal(error, version)
        }
    }

    /// The faults that come before a call happens.
    private func fail(_ faults: Faults, isQueue: Bool) async throws(ServiceError) {
        if self.faults.happens(faults.delay) { try? await Task.sleep(for: faults.delayedBy) }
        if self.faults.happens(faults.throttle) {
            throw ServiceError(isQueue ? .requestThrottled : .throttling, "A fault on demand: rate exceeded.")
        }
        if self.faults.happens(faults.unavailable) {
            throw ServiceError(.unavailable, "A fault on demand: unavailable.")
        }
    }

    private struct LostReply: Error {}

    /// Headers of a whole answer, and the end of the connection where the body should be.
    private static func lost(_ length: Int) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/x-amz-json-1.0"],
            body: ResponseBody(contentLength: length) { _ in throw LostReply() })
    }

    private static func refusal(_ error: ServiceError, _ version: String) -> Response {
        var text = JSONText()
        text.object { text in
            text.member("__type", error.shape)
            text.member("message", error.message)
        }
        var response = aws(.init(code: error.status), version, text.bytes)
        response.headers[.queryError] = "\(error.queryCode);\(error.isFaultOfSender ? "Sender" : "Receiver")"
        return response
    }

    private static func aws(_ status: HTTPResponse.Status, _ version: String, _ body: [UInt8]) -> Response {
        Response(
            status: status, headers: [.contentType: "application/x-amz-json-\(version)"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    private static func json(_ status: HTTPResponse.Status, _ body: Bytes) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    private static func plain(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    // MARK: - faults

    /// `{"queue": "...", "operation": "...", "duplicate": 0.1, "delayMilliseconds": 50, ...}`
    private func setFaults(_ body: Bytes) -> Response {
        guard let request = try? JSONDocument(body).root, request.kind == .object else {
            return CloudResponder.plain(.badRequest, "A JSON object is expected.\n")
        }
        var faults = Faults()
        var scope = FaultInjector.Scope()
        for (key, value) in request.members {
            let probability = value.double.flatMap { (0...1).contains($0) ? $0 : nil }
            switch (key.string ?? "", probability, value.string) {
            case ("queue", _, let name?): scope.queue = name
            case ("operation", _, let name?): scope.operation = name
            case ("delayMilliseconds", _, _) where (0...60_000).contains(value.int ?? -1):
                faults.delayedBy = .milliseconds(value.int ?? 0)
            case ("duplicate", let probability?, _): faults.duplicate = probability
            case ("delay", let probability?, _): faults.delay = probability
            case ("lostReply", let probability?, _): faults.lostReply = probability
            case ("partialFailure", let probability?, _): faults.partialFailure = probability
            case ("throttle", let probability?, _): faults.throttle = probability
            case ("unavailable", let probability?, _): faults.unavailable = probability
            default:
                return CloudResponder.plain(.badRequest, "No fault, or no probability: \(key.raw.text.prefix(64))\n")
            }
        }
        self.faults.set(faults, for: scope)
        return CloudResponder.plain(.ok, "")
    }
}

private typealias FieldName = HTTPFields.Element.Name

extension FieldName {
    fileprivate static let target = FieldName("x-amz-target") ?? .userAgent
    fileprivate static let queryError = FieldName("x-amzn-query-error") ?? .userAgent
}
