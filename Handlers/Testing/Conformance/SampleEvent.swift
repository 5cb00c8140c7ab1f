@_spi(Verification) public import Events
import JSON
public import Plugins

/// An event that was never signed, to try a handler with. It reaches a worker of a bench and nothing else.
public struct SampleEvent: Sendable, Hashable {
    public var id = "sample-1"
    public var source: String
    public var detailType: String
    public var resource = ""
    /// JSON.
    public var detail: Bytes
    public var correlationID = ""
    public var userID = ""
    public var tenantID = ""
    public var deviceID = ""

    public init(source: String, detailType: String, detail: Bytes) {
        self.source = source
        self.detailType = detailType
        self.detail = detail
    }

    /// An event for a route: a detail that has something at each place where the handler looks for a key.
    public init(for route: RoutePattern, of handler: PluginDescription.Handler, number: Int) {
        self.init(
            source: Self.exact(route.source), detailType: Self.exact(route.detailType),
            detail: Self.bytes(Self.detail(of: handler, number: number)))
        id = "sample-\(number)"
    }

    /// Reads what an author wrote down as an event, in one of three forms: an EventBridge envelope, whose payload is
    /// `detail.detailCore`; `{"source", "detail-type", "detail"}` alone, with the payload as detail; or the bare
    /// payload, where the file's name or the handler's only route says the rest. `{n}` in it becomes `number`.
    ///
    /// - Throws: `settings.invalid`, with what is missing.
    public init(
        parsing bytes: [UInt8], name: String, for handler: PluginDescription.Handler, number: Int = 1
    ) throws(Failure) {
        let text = String(decoding: bytes, as: UTF8.self).split(separator: "{n}", omittingEmptySubsequences: false)
            .joined(separator: String(number))
        let value: JSONValue
        do { value = try JSONValue.parse(text) } catch {
            throw Failure(.settingsInvalid, name, "not JSON: \(error)")
        }
        if let detail = value["detail"], value["detail-type"]?.string != nil || value["source"]?.string != nil {
            try self.init(envelope: value, detail, name, handler)
        } else {
            let route = try Self.route(of: name, handler)
            self.init(source: Self.exact(route.source), detailType: route.detailType, detail: Self.bytes(value))
        }
        if id == "sample-1" { id = "sample-\(number)" }
    }

    private init(
        envelope: JSONValue, _ detail: JSONValue, _ name: String, _ handler: PluginDescription.Handler
    ) throws(Failure) {
        guard let detailType = envelope["detail-type"]?.string else {
            throw Failure(.settingsInvalid, name, "an envelope without \"detail-type\"")
        }
        let route = handler.routes.first { $0.detailType == detailType } ?? handler.routes.first
        self.init(
            source: envelope["source"]?.string ?? route.map { Self.exact($0.source) } ?? "", detailType: detailType,
            detail: Self.bytes(detail["detailCore"] ?? detail))
        if let id = envelope["id"]?.string { self.id = id }
        resource = detail["resource"]?.string ?? envelope["resources"]?[0]?.string ?? ""
        let trace = detail["trace"]
        correlationID = trace?["correlationId"]?.string ?? ""
        userID = trace?["userId"]?.string ?? ""
        tenantID = trace?["tenantId"]?.string ?? ""
        deviceID = trace?["deviceId"]?.string ?? ""
    }

    private static func route(
        of name: String, _ handler: PluginDescription.Handler
    ) throws(Failure) -> RoutePattern {
        let file = name.split(separator: "/").last.map(String.init) ?? name
        let stem = file.hasSuffix(".json") ? String(file.dropLast(5)) : file
        if let route = handler.routes.first(where: { $0.takes(detailType: stem) }) {
            return RoutePattern(source: route.source, detailType: stem)
        }
        if handler.routes.count == 1, let only = handler.routes.first {
            return RoutePattern(source: only.source, detailType: exact(only.detailType))
        }
        let known = handler.routes.map(\.detailType).joined(separator: ", ")
        throw Failure(
            .settingsInvalid, name,
            "a bare payload: name the file after its detail type (\(known)), or write {\"source\", \"detail-type\", "
                + "\"detail\"}")
    }

    /// The event as a verified one looks to a handler.
    func event(at now: Instant) -> Event {
        Event(
            id: EventID(issuer: "bench", text: id), tokenDigest: nil,
            payloadDigest: Digest(high: (0, 0), low: (0, 0)), source: source, detailType: detailType,
            resource: resource, detail: detail, keyID: "bench", signedAt: now, isBound: true,
            trace: .init(correlationID: correlationID, userID: userID, tenantID: tenantID, deviceID: deviceID))
    }

    /// The event as a file that `outrigger handler run` reads.
    public var json: String {
        let detail = (try? JSONValue.parse(detail)) ?? .null
        let envelope: JSONValue = [
            "source": .string(source), "detail-type": .string(detailType), "detail": detail,
        ]
        return String(decoding: envelope.serialised(), as: UTF8.self)
    }

    // MARK: - made of what the handler says

    static func bytes(_ value: JSONValue) -> Bytes { ((try? value.canonical()) ?? value.serialised())[...] }

    /// A text for a pattern: what is left open becomes a word.
    private static func exact(_ pattern: String) -> String {
        pattern == "*" ? "sample" : pattern.split(separator: ".", omittingEmptySubsequences: false)
            .map { $0 == "*" ? "sample" : String($0) }.joined(separator: ".")
    }

    private static func detail(of handler: PluginDescription.Handler, number: Int) -> JSONValue {
        let templates = handler.stateKeys.flatMap { key in
            key.split(separator: "{").dropFirst().compactMap { $0.split(separator: "}").first.map(String.init) }
        }
        var detail: JSONValue = .object([])
        for text in handler.businessKey + templates {
            guard let pointer = try? JSONPointer(parsing: text) else { continue }
            set(.string("sample-\(number)"), at: pointer.tokens[...], in: &detail)
        }
        return detail
    }

    private static func set(_ value: JSONValue, at tokens: ArraySlice<String>, in target: inout JSONValue) {
        guard let token = tokens.first else {
            target = value
            return
        }
        var child = target[token] ?? .object([])
        set(value, at: tokens.dropFirst(), in: &child)
        target[token] = child
    }
}

extension RoutePattern {
    func takes(detailType: String) -> Bool { Self.takes(self.detailType, detailType) }
    func takes(_ event: SampleEvent) -> Bool {
        Self.takes(source, event.source) && Self.takes(detailType, event.detailType)
    }

    private static func takes(_ pattern: String, _ text: String) -> Bool {
        if pattern == "*" { return true }
        let parts = pattern.split(separator: ".", omittingEmptySubsequences: false)
        let words = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == words.count && zip(parts, words).allSatisfy { $0 == "*" || $0 == $1 }
    }
}
