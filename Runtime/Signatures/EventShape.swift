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

    private static let envelopeNames = MemberNames(["detail", "id", "source", "detail-type", "resources"])
    private static let detailNames = MemberNames(["sig_compact", "detailCore", "resource", "trace"])
    private static let traceNames = MemberNames(["traceparent", "correlationId", "userId", "tenantId", "deviceId"])

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
        let members = body.members(Self.envelopeNames)
        let inner = members[0]
        let detail = inner ?? body
        guard detail.kind == .object else { throw Self.malformed("detail is not an object") }
        if inner != nil {
            id = try Self.name("id", members[1])
            source = try Self.name("source", members[2])
            detailType = try Self.name("detail-type", members[3])
        } else {
            let id = root.member("SystemMetadata")?.member("aws:EventId")
            self.id = try id.map { node throws(Failure) in try Self.name("id", node) }
            source = try metadata?.member("source").map { node throws(Failure) in try Self.name("source", node) }
            detailType = try metadata?.member("detail-type").map { node throws(Failure) in
                try Self.name("detail-type", node)
            }
        }
        let parts = detail.members(Self.detailNames)
        guard let node = parts[0], !node.isNull else {
            throw Failure(.verifyMissing, "event", "it has no sig_compact")
        }
        guard let token = node.stringBytes else { throw Self.malformed("sig_compact is not a string") }
        guard let core = parts[1] else { throw Self.malformed("it has no detailCore") }
        let own = parts[2].flatMap { $0.isNull ? nil : $0 }
        let resource = own ?? members[4]?.elements.first
        self.resource = try resource.map { node throws(Failure) in try Self.text("resource", node) } ?? ""
        self.token = token
        detailCore = core
        traceNode = parts[3]
    }

    private static func name(_ name: StaticString, _ node: JSONNode?) throws(Failure) -> String {
        guard let node else { throw malformed("it has no \(name)") }
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
        let members = traceNode?.members(Self.traceNames)
        let parent = members?[0]?.string ?? attributes.first { $0.name == "traceparent" }?.value ?? ""
        return Event.Trace(
            correlationID: Self.text(members?[1]), userID: Self.text(members?[2]), tenantID: Self.text(members?[3]),
            deviceID: Self.text(members?[4]), parent: Identifier.isTraceParent(parent) ? parent : "")
    }

    private static func text(_ node: JSONNode?) -> String {
        guard let bytes = node?.stringBytes, Identifier.isText(bytes) else { return "" }
        return bytes.text
    }
}
