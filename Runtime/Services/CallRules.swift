import Events
import Pipeline

/// What a request may look like: everything that could break out of it is refused before it is sent.
enum CallRules {
    /// What the host says, and what belongs to a connection (RFC 9110, section 7.6.1).
    static let ours: Set<String> = [
        "connection", "content-length", "expect", "host", "http2-settings", "idempotency-key", "keep-alive",
        "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "traceparent", "trailer",
        "transfer-encoding", "upgrade",
    ]
    static let methods: Set<String> = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]

    /// Why this request cannot be, or `nil`.
    static func objection(to call: ServiceCall) -> String? {
        if !methods.contains(call.method) { return "no method that may be used" }
        if !isPath(call.path) { return "the path is not absolute, or not percent-encoded" }
        if call.idempotencyKey.utf8.count > Limits.idempotencyKeyBytes || !isValue(call.idempotencyKey) {
            return "no Idempotency-Key"
        }
        let headerBytes = call.headers.reduce(0) { $0 + size($1) }
        if call.headers.count > Limits.callHeaders || headerBytes > Limits.callHeaderBytes { return "too many headers" }
        for header in call.headers {
            if !isName(header.name) || !isValue(header.value) { return "a header that cannot be" }
            if ours.contains(header.name.lowercased()) { return "the header \(header.name) is the host's" }
        }
        return call.body.count > Limits.callRequestBytes ? "a body that is too large" : nil
    }

    /// Origin form (RFC 9112, section 3.2.1): visible ASCII without a fragment. Not `//`, which reads as another host.
    static func isPath(_ text: String) -> Bool {
        text.hasPrefix("/") && !text.hasPrefix("//") && text.utf8.count <= Limits.callPathBytes
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }
    }

    /// A token (RFC 9110, section 5.6.2).
    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 128
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    static func isValue(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }

    private static func size(_ header: Attribute) -> Int { header.name.utf8.count + header.value.utf8.count }

    /// What of an answer's headers the caller gets: none of the connection, no more than it may have.
    static func passed(_ headers: some Sequence<Attribute>) -> [Attribute] {
        var room = Limits.callHeaderBytes
        var passed: [Attribute] = []
        for header in headers where isName(header.name) && isValue(header.value) {
            let name = header.name.lowercased()
            guard !ours.contains(name) || name == "content-length", passed.count < Limits.callHeaders,
                size(header) <= room
            else { continue }
            room -= size(header)
            passed.append(header)
        }
        return passed
    }
}
