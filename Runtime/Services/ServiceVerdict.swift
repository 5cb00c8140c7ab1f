import Events
import JSON
import Pipeline

/// What a service's answer to an event means: its status alone decides.
enum ServiceVerdict {
    static func outcome(of answer: ServiceAnswer, at now: Instant) -> Outcome {
        let after = answer[header: "Retry-After"].flatMap { RetryAfter.parse($0, at: now) }
        switch answer.status {
        // One that applied it before says so, too.
        case 200...299: return .done(.none)
        case 429, 503: return .wait(after: after, reason(of: answer))
        case 409, 425, 500...599: return .retry(after: after, reason(of: answer))
        case 400...499: return .reject(reason(of: answer))
        // A redirect leads out of what the operator allows, and nothing else is an answer.
        default: return .retry(after: nil, reason(of: answer))
        }
    }

    /// `nil` where the run says nothing of the event: it was called off.
    static func outcome(of failure: Failure) -> Outcome {
        let reason = Reason(code: failure.code.rawValue, detail: cut(failure.cause, to: detailBytes))
        switch failure.code {
        // Nothing was heard: it is not the event's fault.
        case .callUnavailable, .callTimedOut: return .wait(after: nil, reason)
        // It was: a service that dies of this event must not be asked for ever.
        default: return .retry(after: nil, reason)
        }
    }

    private static let codeBytes = 63
    private static let detailBytes = 255
    private static let problemBytes = 65_536

    /// The problem's own words (RFC 9457) where there are any: `code`, an extension that most have, and `title`.
    private static func reason(of answer: ServiceAnswer) -> Reason {
        let standard = "service.status-\(answer.status)"
        let type = answer[header: "Content-Type"]?.lowercased() ?? ""
        guard type.hasPrefix("application/problem+json") || type.hasPrefix("application/json"),
            answer.body.count <= problemBytes, let problem = try? JSONValue.parse(answer.body)
        else { return Reason(code: standard) }
        let code = problem["code"]?.string.map(code(from:)) ?? ""
        let title = problem["title"]?.string.map { cut(printable($0), to: detailBytes) } ?? ""
        return Reason(code: code.isEmpty ? standard : code, detail: title)
    }

    /// `[a-z0-9.-]`, as every reason's.
    private static func code(from text: String) -> String {
        let bytes = text.utf8.prefix(codeBytes).map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."):
                byte
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            default: UInt8(ascii: "-")
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.isPrintable ? $0 : " " }))
    }

    private static func cut(_ text: String, to bytes: Int) -> String {
        var text = text
        while text.utf8.count > bytes { text.removeLast() }
        return text
    }
}

extension Unicode.Scalar.Properties {
    fileprivate var isPrintable: Bool {
        switch generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
