import Cryptography
import Events
import Pipeline

/// What names a call, the same on every attempt of its event.
struct CallIdentity {
    private let digest: Digest
    private let origin: ServiceCall.Origin

    init(_ call: ServiceCall) {
        origin = call.origin
        var parts = [origin.event.issuer, origin.event.text, origin.handler.text]
        if origin.ordinal > 0 { parts += [call.service, call.method, call.path, String(origin.ordinal)] }
        digest = Self.hash(parts)
    }

    /// 32 hexadecimal digits. Its length says nothing of what it was made of, nor does its text.
    var key: String { String(digest.hexadecimal.prefix(32)) }

    /// A child of the event's (W3C Trace Context, section 3.2): its trace, a span of this attempt's own. An event
    /// without one begins a trace, the same for all its calls.
    var traceParent: String {
        let span = Self.hash([key, String(origin.attempt)]).hexadecimal.suffix(16)
        if Identifier.isTraceParent(origin.traceParent) {
            let parts = origin.traceParent.split(separator: "-")
            if parts[1].contains(where: { $0 != "0" }) { return "00-\(parts[1])-\(span)-\(parts[3])" }
        }
        let trace = Self.hash(["trace", origin.event.issuer, origin.event.text]).hexadecimal.prefix(32)
        return "00-\(trace)-\(span)-00"
    }

    /// Each part with its length before it, so that no two lists of parts are one text.
    private static func hash(_ parts: [String]) -> Digest {
        var stream = SHA256Stream()
        for part in parts { stream.update(Array("\(part.utf8.count):\(part),".utf8)) }
        return stream.finish()
    }
}
