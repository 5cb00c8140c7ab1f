import Events
import Pipeline

/// What a caller asks of the journal, read from the parameters of a request.
enum EventQuery {
    static let pageParameters = ["after", "limit", "bodies"]
    static let searchParameters = ["resource", "source", "detailType", "since", "until", "outcome", "userId"]
    static let streamParameters = ["correlationId", "resource", "source", "lastEventId"]

    /// - Parameters:
    ///   - query: the part of the address behind the question mark.
    ///   - allowed: other names are mistakes.
    /// - Throws: `api.malformed`, with the parameter's name.
    static func parameters(_ query: String?, _ allowed: [String]) throws(Failure) -> [String: String] {
        var found: [String: String] = [:]
        for pair in (query ?? "").utf8.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(Substring(parts[0]))
            guard allowed.contains(name) else {
                throw Failure(
                    .apiMalformed, String(name.prefix(64)),
                    "there is no such parameter, but " + allowed.joined(separator: ", "))
            }
            // In a query a plus sign is a space (WHATWG URL, application/x-www-form-urlencoded).
            let value = (parts.count > 1 ? Array(parts[1]) : []).map { $0 == UInt8(ascii: "+") ? 0x20 : $0 }
            guard let decoded = PercentCoding.decode(value), let text = String(validating: decoded, as: UTF8.self),
                Identifier.isText(decoded)
            else { throw Failure(.apiMalformed, name, "it is no percent-encoded text") }
            guard found.updateValue(text, forKey: name) == nil else {
                throw Failure(.apiMalformed, name, "it is there twice")
            }
        }
        return found
    }

    /// A segment of the path, as text.
    static func segment(_ raw: String) throws(Failure) -> String {
        guard let decoded = PercentCoding.decode(raw.utf8), !decoded.isEmpty, Identifier.isText(decoded),
            let text = String(validating: decoded, as: UTF8.self)
        else { throw Failure(.apiMalformed, "path", "its last part is no percent-encoded text") }
        return text
    }

    /// - Parameter now: what `since=-1h` counts from.
    static func query(_ parameters: [String: String], at now: Instant) throws(Failure) -> JournalQuery {
        var query = JournalQuery()
        query.correlationID = parameters["correlationId"]
        query.resource = parameters["resource"]
        query.source = parameters["source"]
        query.detailType = parameters["detailType"]
        query.userID = parameters["userId"]
        if let text = parameters["outcome"] {
            guard let outcome = JournalEntry.Outcome(rawValue: text) else {
                let words = JournalEntry.Outcome.allCases.map(\.rawValue).joined(separator: ", ")
                throw Failure(.apiMalformed, "outcome", "one of " + words)
            }
            query.outcome = outcome
        }
        query.since = try moment("since", parameters, now)
        query.until = try moment("until", parameters, now)
        query.after = Int64(try number("after", parameters, 0...Int(Int64.max), standard: 0))
        query.atMost = try number("limit", parameters, 1...Limits.journalPage, standard: 100)
        switch parameters["bodies"] {
        case nil, "false": query.withBodies = false
        case "true": query.withBodies = true
        default: throw Failure(.apiMalformed, "bodies", "true or false")
        }
        return query
    }

    private static func number(
        _ name: String, _ parameters: [String: String], _ range: ClosedRange<Int>, standard: Int
    ) throws(Failure) -> Int {
        guard let text = parameters[name] else { return standard }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(text), range.contains(value) else {
            throw Failure(.apiMalformed, name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    private static func moment(
        _ name: String, _ parameters: [String: String], _ now: Instant
    ) throws(Failure) -> Instant? {
        guard let text = parameters[name] else { return nil }
        guard let instant = Moment.parse(text, at: now) else {
            throw Failure(
                .apiMalformed, name, "as RFC 3339 has it, 2026-11-21T08:00:00Z, or so long ago: -90s, -1h, -7d")
        }
        return instant
    }

    /// The same question, from behind this row on.
    static func next(_ path: String, _ parameters: [String: String], after number: Int64) -> String {
        var parameters = parameters
        parameters["after"] = String(number)
        let pairs = parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\(PercentCoding.encode($0.value))" }
        return path + "?" + pairs.joined(separator: "&")
    }
}

/// A moment as people write it in a query.
enum Moment {
    /// RFC 3339 with any offset (`2026-11-21T09:00:00+01:00`), or so long ago: `-90s`, `-15m`, `-1h`, `-7d`.
    static func parse(_ text: String, at now: Instant) -> Instant? {
        if text.first == "-" { return ago(text.dropFirst()).map { now - $0 } }
        let bytes = Array(text.utf8)
        if let instant = Timestamp.parse(bytes) { return instant }
        guard bytes.count > 6, let offset = offset(bytes.suffix(6)) else { return nil }
        return Timestamp.parse(bytes.dropLast(6) + [UInt8(ascii: "Z")]).map { $0 - offset }
    }

    private static func ago(_ text: Substring) -> Duration? {
        guard let unit = text.last, (2...9).contains(text.utf8.count),
            text.dropLast().utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int64(text.dropLast())
        else { return nil }
        switch unit {
        case "s": return .seconds(count)
        case "m": return .minutes(count)
        case "h": return .hours(count)
        case "d": return .days(count)
        default: return nil
        }
    }

    /// `+01:00`.
    private static func offset(_ bytes: ArraySlice<UInt8>) -> Duration? {
        let bytes = Array(bytes)
        guard bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"), bytes[3] == UInt8(ascii: ":") else {
            return nil
        }
        let digits = [bytes[1], bytes[2], bytes[4], bytes[5]]
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let values = digits.map { Int64($0 & 15) }
        let (hours, minutes) = (values[0] * 10 + values[1], values[2] * 10 + values[3])
        guard hours < 24, minutes < 60 else { return nil }
        let offset = Duration.minutes(hours * 60 + minutes)
        return bytes[0] == UInt8(ascii: "+") ? offset : .zero - offset
    }
}
