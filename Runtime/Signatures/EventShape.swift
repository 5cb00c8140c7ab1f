import Events
import JSON

/// A message's body, read once: where its parts are, whichever way it was delivered. Nothing of it is believed.
///
/// The classic bus, and PutEvents on a custom bus, deliver an envelope: `{id, source, detail-type, resources, detail}`.
/// PutRawEvents on a custom bus delivers the detail alone (RAW). WITH_METADATA wraps either in
/// `{Data, Metadata, SystemMetadata}`.
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-addressing.html
struct EventShape {
    /// The id that the bus minted; `nil` for a RAW delivery.
    let id: String?
    /// `nil` for a RAW delivery: the token must say it then.
    let source: String?
    let detailType: String?
    /// The detail's own resource, or the envelope's first, or empty.
    let resource: String
    let detailCore: JSONNode
    let token: Bytes
    private let traceNode: JSONNode?

    /// - Throws: `verify.malformed`, `verify.missing`.
    init(parsing body: Bytes) throws(Failure) {
        guard body.count <= Limits.messageBytes else { throw Self.malformed("larger than a message can be") }
        let root: JSONNode
        do {
            root = try JSONDocument(body, depth: Limits.jsonDepth).root
        } catch {
            throw Self.malformed(error.description)
        }
        guard root.kind == .object else { throw Self.malformed("not an object") }
        try self.init(root)
    }

    private init(_ root: JSONNode) throws(Failure) {
        let data = root.member("Data")
        let body = data ?? root
        let metadata = data == nil ? nil : root.member("Metadata")
        guard body.kind == .object else { throw Self.malformed("Data is not an object") }
        let inner = body.member("detail")
        let detail = inner ?? body
        guard detail.kind == .object else { throw Self.malformed("detail is not an object") }
        if inner != nil {
            id = try Self.name("id", in: body)
            source = try Self.name("source", in: body)
            detailType = try Self.name("detail-type", in: body)
        } else {
            let id = root.member("SystemMetadata")?.member("aws:EventId")
            self.id = try id.map { node throws(Failure) in try Self.name("id", node) }
            source = try metadata?.member("source").map { node throws(Failure) in try Self.name("source", node) }
            detailType = try metadata?.member("detail-type").map { node throws(Failure) in
                try Self.name("detail-type", node)
            }
        }
        guard let node = detail.member("sig_compact"), !node.isNull else {
            throw Failure(.verifyMissing, "event", "it has no sig_compact")
        }
        guard let token = node.stringBytes else { throw Self.malformed("sig_compact is not a string") }
        guard let core = detail.member("detailCore") else { throw Self.malformed("it has no detailCore") }
        let own = detail.member("resource").flatMap { $0.isNull ? nil : $0 }
        let resource = own ?? body.member("resources")?.elements.first
        self.resource = try resource.map { node throws(Failure) in try Self.text("resource", node) } ?? ""
        self.token = token
        detailCore = core
        traceNode = detail.member("trace")
    }

    private static func name(_ name: StaticString, in node: JSONNode) throws(Failure) -> String {
        guard let member = node.member(name) else { throw malformed("it has no \(name)") }
        return try Self.name(name, member)
    }

    private static func name(_ name: StaticString, _ node: JSONNode) throws(Failure) -> String {
        let text = try text(name, node)
        guard !text.isEmpty else { throw malformed("\(name) is empty") }
        return text
    }

    private static func text(_ name: StaticString, _ node: JSONNode) throws(Failure) -> String {
        guard let bytes = node.stringBytes, Identifier.isText(bytes) else {
            throw malformed("\(name) is no short text without control characters")
        }
        return bytes.text
    }

    private static func malformed(_ cause: String) -> Failure { Failure(.verifyMalformed, "event", cause) }

    // MARK: trace

    /// What cannot be used is left out: nobody signed it, and nothing depends on it.
    func trace(_ attributes: [Attribute]) -> Event.Trace {
        let own = traceNode?.member("traceparent")?.string
        let parent = own ?? attributes.first { $0.name == "traceparent" }?.value ?? ""
        return Event.Trace(
            correlationID: traceText("correlationId"), userID: traceText("userId"), tenantID: traceText("tenantId"),
            deviceID: traceText("deviceId"), parent: Identifier.isTraceParent(parent) ? parent : "")
    }

    private func traceText(_ name: StaticString) -> String {
        guard let bytes = traceNode?.member(name)?.stringBytes, Identifier.isText(bytes) else { return "" }
        return bytes.text
    }
}
