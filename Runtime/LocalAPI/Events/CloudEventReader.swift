import Events
import JSON

/// Reads events that are written as CloudEvents 1.0: `type` is the detail type, `source` the source, `subject` the
/// resource, `data` the detailCore; the extensions `correlationid`, `userid`, `tenantid`, `deviceid` and `traceparent`
/// are the trace. `id` must be there, but is not kept: the signed id is the one in the answer. Other attributes are
/// left out.
/// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
enum CloudEventReader {
    static let attributes = ["specversion", "id", "source", "type"]

    /// Structured mode: all attributes and the data are members of one object (JSON format, section 3).
    /// - Throws: `api.malformed`, `api.unsupported`.
    static func structured(_ node: JSONNode) throws(Failure) -> EventRequest {
        guard node.kind == .object else { throw EventRequest.malformed("", "an event is a JSON object") }
        guard node["data_base64"] == nil else {
            throw Failure(.apiUnsupported, "data_base64", "the data must be JSON, under `data`")
        }
        var texts: [String: String] = [:]
        for (key, value) in node.members {
            guard let name = key.string, name != "data", value.kind == .string else { continue }
            texts[name] = try EventRequest.text(name, value)
        }
        return try event(texts) { () throws(Failure) in try EventRequest.core("data", node["data"]) }
    }

    /// Binary mode: attributes are the headers `ce-...`, the data is the body (HTTP binding, section 3.1).
    /// - Parameter headers: names without `ce-`, in lower case.
    static func binary(_ headers: [(name: String, value: String)], data: Bytes) throws(Failure) -> EventRequest {
        var texts: [String: String] = [:]
        for (name, value) in headers {
            guard texts[name] == nil else { throw EventRequest.malformed("ce-\(name)", "it is there twice") }
            guard let decoded = decode(value) else {
                throw EventRequest.malformed("ce-\(name)", "it is not percent-encoded UTF-8")
            }
            texts[name] = try EventRequest.text("ce-\(name)", decoded[...])
        }
        return try event(texts) { () throws(Failure) in
            try EventRequest.core("data", try PublishBody.document(data))
        }
    }

    private static func event(
        _ texts: [String: String], _ core: () throws(Failure) -> Bytes
    ) throws(Failure) -> EventRequest {
        for name in attributes where texts[name]?.isEmpty != false {
            throw EventRequest.malformed(name, "every CloudEvent has one")
        }
        guard texts["specversion"] == "1.0" else {
            throw Failure(.apiUnsupported, "specversion", "CloudEvents of version 1.0 are taken")
        }
        if let type = texts["datacontenttype"], !MediaType(type).isJSON {
            throw Failure(.apiUnsupported, "datacontenttype", "the data must be JSON")
        }
        let trace = Event.Trace(
            correlationID: texts["correlationid"] ?? "", userID: texts["userid"] ?? "",
            tenantID: texts["tenantid"] ?? "", deviceID: texts["deviceid"] ?? "",
            parent: EventRequest.traceParent(texts["traceparent"] ?? ""))
        return EventRequest(
            source: texts["source"] ?? "", detailType: texts["type"] ?? "", resource: texts["subject"] ?? "",
            trace: trace, core: try core())
    }

    /// A header's value as an attribute's: out of its quotes, then percent-decoded once (HTTP binding, 3.1.3.2).
    /// - Returns: `nil` for what is no such encoding of UTF-8.
    static func decode(_ value: String) -> [UInt8]? {
        var bytes = Array(value.utf8)
        if bytes.first == UInt8(ascii: "\"") {
            guard let inner = unquote(bytes) else { return nil }
            bytes = inner
        }
        guard let decoded = PercentCoding.decode(bytes[...]) else { return nil }
        return String(validating: decoded, as: UTF8.self) == nil ? nil : decoded
    }

    /// A quoted-string of RFC 9110, section 5.6.4.
    private static func unquote(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count >= 2, bytes.last == UInt8(ascii: "\"") else { return nil }
        var inner: [UInt8] = []
        var isEscaped = false
        for byte in bytes.dropFirst().dropLast() {
            if isEscaped {
                inner.append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                return nil
            } else {
                inner.append(byte)
            }
        }
        return isEscaped ? nil : inner
    }
}

/// Percent-encoding of URIs and CloudEvents' headers (RFC 3986, section 2.1).
enum PercentCoding {
    /// - Returns: `nil` where a percent sign is not followed by two hexadecimal digits.
    static func decode(_ bytes: some Collection<UInt8>) -> [UInt8]? {
        var decoded: [UInt8] = []
        var rest = Array(bytes)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                return nil
            }
            decoded.append(high << 4 | low)
        }
        return decoded
    }

    /// A segment of a path: everything but RFC 3986's unreserved characters is encoded.
    static func encode(_ text: String) -> String {
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                encoded.append(byte)
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    private static let hexadecimal = Array("0123456789ABCDEF".utf8)

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
        default: nil
        }
    }
}
