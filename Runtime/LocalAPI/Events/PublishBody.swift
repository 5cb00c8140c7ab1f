import Events
import JSON

/// What a request to publish says beside its body.
struct PublishHeaders: Sendable {
    var contentType = ""
    /// The headers `ce-...`: names without the prefix, in lower case.
    var attributes: [(name: String, value: String)] = []
    var traceParent = ""
    var idempotencyKeys: [String] = []

    /// - Throws: `api.malformed` for what is no key: 1 to 255 visible ASCII characters.
    func idempotencyKey() throws(Failure) -> String? {
        guard let key = idempotencyKeys.first else { return nil }
        guard idempotencyKeys.count == 1, (1...Limits.idempotencyKeyBytes).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw Failure(
                .apiMalformed, "Idempotency-Key", "one of 1 to \(Limits.idempotencyKeyBytes) visible ASCII characters")
        }
        return key
    }
}

/// A body of `POST /v1/events`, in any of its forms, as events.
struct PublishBody: Sendable {
    let events: [EventRequest]
    /// Problems name the place of an event in it.
    let isBatch: Bool

    /// - Throws: `api.malformed`, `api.unsupported`, `api.too-large`.
    init(_ body: Bytes, _ headers: PublishHeaders) throws(Failure) {
        let type = MediaType(headers.contentType)
        let isBinary = headers.attributes.contains { $0.name == "specversion" }
        switch (type.name, type.isUTF8) {
        case ("application/cloudevents+json", true):
            events = [try CloudEventReader.structured(try Self.document(body))]
            isBatch = false
        case ("application/cloudevents-batch+json", true):
            events = try Self.batch(try Self.document(body), CloudEventReader.structured)
            isBatch = true
        case (_, true) where type.isJSON && isBinary && !type.name.hasPrefix("application/cloudevents"):
            events = [try CloudEventReader.binary(headers.attributes, data: body)]
            isBatch = false
        case ("application/json", true):
            let root = try Self.document(body)
            isBatch = root.kind == .array
            events = isBatch
                ? try Self.batch(root) { node throws(Failure) in try EventRequest(plain: node) }
                : [try EventRequest(plain: root)]
        default:
            throw Failure(
                .apiUnsupported, "Content-Type",
                "application/json, application/cloudevents+json or application/cloudevents-batch+json, in UTF-8")
        }
    }

    private static func batch(
        _ root: JSONNode, _ read: (JSONNode) throws(Failure) -> EventRequest
    ) throws(Failure) -> [EventRequest] {
        guard root.kind == .array else { throw Failure(.apiMalformed, "body", "a batch is an array") }
        guard (1...Limits.publishBatch).contains(root.count) else {
            throw Failure(
                root.count == 0 ? .apiMalformed : .apiTooLarge, "body",
                "\(root.count) events, and 1 to \(Limits.publishBatch) are taken at once")
        }
        var events: [EventRequest] = []
        for (index, node) in root.elements.enumerated() {
            do throws(Failure) { events.append(try read(node)) } catch { throw error.at(index) }
        }
        return events
    }

    static func document(_ bytes: Bytes) throws(Failure) -> JSONNode {
        do {
            return try JSONDocument(bytes, depth: Limits.jsonDepth).root
        } catch {
            throw Failure(.apiMalformed, "body", "not strict JSON: \(error)")
        }
    }
}

extension Failure {
    /// The same, of one event in a batch.
    func at(_ index: Int) -> Failure {
        let isWhole = subject.isEmpty || subject == "event"
        return Failure(code, isWhole ? "events[\(index)]" : "events[\(index)].\(subject)", cause)
    }
}

/// The value of a Content-Type header (RFC 9110, section 8.3.1).
struct MediaType: Sendable {
    /// In lower case.
    let name: String
    /// As JSON is always (RFC 8259, section 8.1): nothing else is said.
    let isUTF8: Bool

    init(_ text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false)
            .map { String($0.filter { $0 != " " && $0 != "\t" && $0 != "\"" }).lowercased() }
        name = parts[0]
        isUTF8 = parts.dropFirst().allSatisfy { !$0.hasPrefix("charset=") || $0 == "charset=utf-8" }
    }

    var isJSON: Bool { name == "application/json" || (name.hasPrefix("application/") && name.hasSuffix("+json")) }

    /// Whether an Accept header names plain text before JSON.
    static func prefersText(_ accept: String) -> Bool {
        let wanted = accept.split(separator: ",").map { MediaType(String($0)).name }
        return wanted.first { ["text/plain", "application/json", "*/*"].contains($0) } == "text/plain"
    }
}
