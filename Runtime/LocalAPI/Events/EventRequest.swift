import Events
import JSON

/// One event as a peer hands it in, read strictly: what it says, not yet whether it may.
struct EventRequest: Sendable, Hashable {
    var source: String
    var detailType: String
    /// May be empty: then the event has no order among others.
    var resource: String
    var trace: Event.Trace
    /// `detailCore`, an object, in RFC 8785 form.
    var core: Bytes

    /// `{source, detailType, resource, trace: {correlationId, userId, tenantId, deviceId, traceparent}, detailCore}`.
    /// Only source, detail type and detailCore must be there; a member of another name is a mistake of the caller's.
    /// - Throws: `api.malformed`; its subject names the member.
    init(plain node: JSONNode) throws(Failure) {
        try self.init(node, knowing: ["source", "detailType", "resource", "trace", "detailCore"])
    }

    private init(_ node: JSONNode, knowing names: [String]) throws(Failure) {
        guard node.kind == .object else { throw Self.malformed("", "an event is a JSON object") }
        try Self.refuseOthers(than: names, in: node, "")
        source = try Self.name("source", node["source"])
        detailType = try Self.name("detailType", node["detailType"])
        resource = try Self.text("resource", node["resource"])
        trace = Event.Trace()
        if let member = node["trace"] {
            guard member.kind == .object else { throw Self.malformed("trace", "it must be an object") }
            trace = try Self.trace(member)
        }
        core = try Self.core("detailCore", node["detailCore"])
    }

    init(source: String, detailType: String, resource: String, trace: Event.Trace, core: Bytes) {
        self.source = source
        self.detailType = detailType
        self.resource = resource
        self.trace = trace
        self.core = core
    }

    private static func trace(_ node: JSONNode) throws(Failure) -> Event.Trace {
        let names = ["correlationId", "userId", "tenantId", "deviceId", "traceparent"]
        try refuseOthers(than: names, in: node, "trace.")
        let parent = try text("trace.traceparent", node["traceparent"])
        return Event.Trace(
            correlationID: try text("trace.correlationId", node["correlationId"]),
            userID: try text("trace.userId", node["userId"]), tenantID: try text("trace.tenantId", node["tenantId"]),
            deviceID: try text("trace.deviceId", node["deviceId"]), parent: traceParent(parent))
    }

    // MARK: - members, for both forms of an event

    /// A name that is signed: not empty.
    static func name(_ name: String, _ node: JSONNode?) throws(Failure) -> String {
        guard let node else { throw malformed(name, "it is missing") }
        let text = try text(name, node)
        guard !text.isEmpty else { throw malformed(name, "it is empty") }
        return text
    }

    /// Text as verification takes it; absent or null, it is empty.
    static func text(_ name: String, _ node: JSONNode?) throws(Failure) -> String {
        guard let node, !node.isNull else { return "" }
        guard let bytes = node.stringBytes else { throw malformed(name, "it must be a string") }
        return try text(name, bytes)
    }

    static func text(_ name: String, _ bytes: Bytes) throws(Failure) -> String {
        guard Identifier.isText(bytes) else {
            throw malformed(
                name, "it may have \(Limits.identifierBytes) bytes of UTF-8, none of them a control character")
        }
        return bytes.text
    }

    /// The payload, in the form that is signed.
    static func core(_ name: String, _ node: JSONNode?) throws(Failure) -> Bytes {
        guard let node else { throw malformed(name, "it is missing") }
        guard node.kind == .object else { throw malformed(name, "it must be an object") }
        do {
            return try node.canonical()[...]
        } catch {
            throw malformed(name, "it has no canonical form: \(error.kind.rawValue)")
        }
    }

    /// What is none begins no trace (W3C Trace Context, section 3.2.2).
    static func traceParent(_ text: String) -> String { Identifier.isTraceParent(text) ? text : "" }

    private static func refuseOthers(than names: [String], in node: JSONNode, _ path: String) throws(Failure) {
        for (key, _) in node.members where !names.contains(where: { key.isString($0) }) {
            throw malformed(path + (key.string ?? "").prefix(64), "there is no such member")
        }
    }

    static func malformed(_ subject: String, _ cause: String) -> Failure {
        Failure(.apiMalformed, subject.isEmpty ? "event" : subject, cause)
    }
}
