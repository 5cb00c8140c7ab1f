import Events
import JSON

/// A message's body, read once: where its parts are, whichever way it was delivered. Nothing of it is believed.
///
/// The classic bus, and PutEvents on a custom bus, deliver an envelope: `{id, source, detail-type, resources, detail}`.
/// PutRawEvents on a custom bus delivers the detail alone (RAW). WITH_METADATA wraps either in
/// `{Data, Metadata, SystemMetadata}`.
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-addressing.html
struct EventShape: ~Copyable {
    /// The id that the bus minted; `nil` for a RAW delivery. A text that is not empty, as the next two are.
    let id: JSONNode?
    /// `nil` for a RAW delivery: the token must say it then.
    let source: JSONNode?
    let detailType: JSONNode?
    /// The detail's own resource, or the envelope's first, if there is one. A text.
    let resource: JSONNode?
    let detailCore: JSONNode
    let token: Bytes
    private let traceNode: JSONNode?

    private enum Member: Int {
        case detail, id, source, detailType, resources, data, metadata, systemMetadata
    }
    private static let names = MemberNames([
        "detail", "id", "source", "detail-type", "resources", "Data", "Metadata", "SystemMetadata",
    ])
    private static let detailNames = MemberNames(["sig_compact", "detailCore", "resource", "trace"])
    private static let eventID = MemberNames(["aws:EventId"])
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
        let members = root.members(Self.names)
        guard let data = members[Member.data.rawValue] else {
            try self.init(root, members, metadata: nil, members[Member.systemMetadata.rawValue])
            return
        }
        guard data.kind == .object else { throw Self.malformed("Data is not an object") }
        try self.init(
            data, data.members(Self.names), metadata: members[Member.metadata.rawValue],
            members[Member.systemMetadata.rawValue])
    }

    /// - Parameter body: what was delivered, out of whatever it was wrapped in.
    private init(
        _ body: JSONNode, _ members: NamedMembers, metadata: JSONNode?, _ systemMetadata: JSONNode?
    ) throws(Failure) {
        let inner = members[Member.detail.rawValue]
        let (id, source, detailType): (JSONNode?, JSONNode?, JSONNode?)
        if let inner {
            guard inner.kind == .object else { throw Self.malformed("detail is not an object") }
            id = try Self.name("id", among: members, Member.id.rawValue)
            source = try Self.name("source", among: members, Member.source.rawValue)
            detailType = try Self.name("detail-type", among: members, Member.detailType.rawValue)
        } else {
            let outside = metadata?.members(Self.names)
            id = try Self.name("id", ifAmong: systemMetadata?.members(Self.eventID), 0)
            source = try Self.name("source", ifAmong: outside, Member.source.rawValue)
            detailType = try Self.name("detail-type", ifAmong: outside, Member.detailType.rawValue)
        }
        let parts = (inner ?? body).members(Self.detailNames)
        guard parts.has(0), !parts.isNull(0) else {
            throw Failure(.verifyMissing, "event", "it has no sig_compact")
        }
        guard let token = parts.stringBytes(0) else { throw Self.malformed("sig_compact is not a string") }
        guard let core = parts[1] else { throw Self.malformed("it has no detailCore") }
        let own = parts.isNull(2) ? nil : parts[2]
        let resource = own ?? members[Member.resources.rawValue]?.firstElement
        if let resource, !resource.isString(where: { Identifier.isText($0) }) { throw Self.notText("resource") }
        self.id = id
        self.source = source
        self.detailType = detailType
        self.resource = resource
        self.token = token
        detailCore = core
        traceNode = parts[3]
    }

    private static func name(
        _ name: StaticString, ifAmong members: NamedMembers?, _ index: Int
    ) throws(Failure) -> JSONNode? {
        guard let members, members.has(index) else { return nil }
        return try Self.name(name, among: members, index)
    }

    private static func name(
        _ name: StaticString, among members: NamedMembers, _ index: Int
    ) throws(Failure) -> JSONNode? {
        guard members.has(index) else { throw malformed("it has no \(name)") }
        guard members.isString(index, where: { Identifier.isText($0) }) else { throw notText(name) }
        guard !members.isString(index, where: { $0.isEmpty }) else { throw malformed("\(name) is empty") }
        return members[index]
    }

    private static func notText(_ name: StaticString) -> Failure {
        malformed("\(name) is no short text without control characters")
    }

    private static func malformed(_ cause: String) -> Failure { Failure(.verifyMalformed, "event", cause) }

    // MARK: trace

    /// What cannot be used is left out: nobody signed it, and nothing depends on it.
    func trace(_ attributes: [Attribute]) -> Event.Trace {
        let members = traceNode?.members(Self.traceNames)
        func text(_ index: Int) -> String { members?.string(index) { Identifier.isText($0) } ?? "" }
        let parent = members?.string(0) ?? attributes.first { $0.name == "traceparent" }?.value ?? ""
        return Event.Trace(
            correlationID: text(1), userID: text(2), tenantID: text(3), deviceID: text(4),
            parent: Identifier.isTraceParent(parent) ? parent : "")
    }
}
