import Events
import JSON
import Pipeline

// An explanation for machines.
extension Explanation {
    var json: JSONValue {
        var members = [JSONMember("id", .string(id))]
        if let subject {
            members.texts([
                ("issuer", subject.issuer), ("source", subject.source), ("detailType", subject.detailType),
                ("resource", subject.resource), ("correlationId", subject.correlationID),
                ("tenantId", subject.tenantID), ("userId", subject.userID),
                ("payloadSha256", subject.payload?.hexadecimal ?? ""),
            ])
        }
        if let publication { members.append(JSONMember("publication", .object(publication.members))) }
        members.append(JSONMember("consumers", .array(consumers.map(\.json))))
        members.append(JSONMember("published", .array(published.map { .object($0.members) })))
        return .object(members)
    }
}

extension Explanation.Outgoing {
    fileprivate var members: [JSONMember] {
        var members: [JSONMember] = []
        members.texts([
            ("eventId", event), ("source", source), ("detailType", detailType), ("resource", resource),
            ("parentId", parent), ("state", last.outcome.rawValue),
        ])
        members.moment("acceptedAt", acceptedAt)
        if last.outcome == .sent { members.moment("sentAt", last.time) }
        if last.attempt > 0 { members.append(JSONMember("attempts", .integer(Int64(last.attempt)))) }
        members.texts([("code", last.code), ("cause", last.cause)])
        return members
    }
}

extension Explanation.Consumer {
    fileprivate var json: JSONValue {
        var members = [JSONMember("queue", .string(queue))]
        members.texts([("handler", handler), ("state", state), ("keyId", keyID)])
        members.append(JSONMember("received", .array(messages.map { message in
            var members = [JSONMember("messageId", .string(message.id))]
            members.moment("sentAt", message.sentAt)
            members.append(JSONMember("deliveries", .integer(Int64(message.deliveries))))
            return .object(members)
        })))
        members.append(JSONMember("attempts", .array(runs.map(\.attemptJSON))))
        members.append(JSONMember("duplicates", .array(duplicates.map { entry in
            var members = [JSONMember("time", .string(Timestamp.text(of: entry.time)))]
            members.texts([("messageId", entry.message), ("of", entry.parent)])
            return .object(members)
        })))
        if let account {
            members.moment("firstSeen", account.firstSeen)
            members.moment("recognisedUntil", account.keepUntil)
            members.moment("permittedUntil", account.permittedUntil)
            if account.strikes > 0 { members.append(JSONMember("strikes", .integer(Int64(account.strikes)))) }
        }
        members.append(JSONMember("now", .array(standing.map(\.json))))
        return .object(members)
    }
}

extension JournalEntry {
    fileprivate var attemptJSON: JSONValue {
        var members = [
            JSONMember("time", .string(Timestamp.text(of: time))), JSONMember("outcome", .string(outcome.rawValue)),
        ]
        if attempt > 0 { members.append(JSONMember("attempt", .integer(Int64(attempt)))) }
        if generation > 0 { members.append(JSONMember("generation", .integer(Int64(generation)))) }
        members.texts([("handler", handler), ("code", code), ("cause", cause)])
        if let took { members.append(JSONMember("tookMs", .double(took.fractionalMilliseconds))) }
        members.moment("retryAt", retryAt)
        return .object(members)
    }
}

extension Standing {
    fileprivate var json: JSONValue {
        var members = [
            JSONMember("step", .string(step.rawValue)), JSONMember("words", .string("It \(step.words).")),
            JSONMember("messageId", .string(message.text)),
        ]
        members.moment("since", since)
        members.moment("until", until)
        if attempt > 0 { members.append(JSONMember("attempt", .integer(Int64(attempt)))) }
        if generation > 0 { members.append(JSONMember("generation", .integer(Int64(generation)))) }
        if let failure { members.texts([("code", failure.code.rawValue), ("cause", failure.cause)]) }
        return .object(members)
    }
}

extension [JSONMember] {
    fileprivate mutating func texts(_ texts: [(String, String)]) {
        for (name, text) in texts where !text.isEmpty { append(JSONMember(name, .string(text))) }
    }
    fileprivate mutating func moment(_ name: String, _ instant: Instant?) {
        if let instant { append(JSONMember(name, .string(Timestamp.text(of: instant)))) }
    }
}

// And for people.
extension Explanation {
    var text: String {
        var lines = ["\(subject == nil && publication == nil && !isVerified ? "message" : "event") \(id)"]
        if let subject {
            let label = [subject.source, subject.detailType].filter { !$0.isEmpty }.joined(separator: " ")
            if !label.isEmpty { lines.append("  what         \(label)") }
            for (name, value) in [
                ("resource", subject.resource), ("correlation", subject.correlationID), ("tenant", subject.tenantID),
                ("payload", subject.payload.map { "SHA-256 \($0.hexadecimal)" } ?? ""),
            ] where !value.isEmpty { lines.append(Self.line(name, value)) }
        }
        if let publication { lines += ["", "published here"] + publication.lines }
        for consumer in consumers { lines += [""] + consumer.lines }
        if !published.isEmpty { lines += ["", "its handler published"] }
        for child in published {
            lines.append("  \(child.event)")
            lines.append(Self.line("what", "\(child.source) \(child.detailType)"))
            lines += child.lines
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var isVerified: Bool {
        consumers.contains { $0.account != nil || $0.standing.contains { $0.event != nil } }
    }

    fileprivate static func line(_ name: String, _ value: String) -> String {
        "  " + name + String(repeating: " ", count: max(1, 13 - name.count)) + value
    }
}

extension Explanation.Outgoing {
    fileprivate var lines: [String] {
        var lines: [String] = []
        if !parent.isEmpty { lines.append(Explanation.line("by", "the handler of event \(parent)")) }
        if let acceptedAt { lines.append(Explanation.line("accepted", Timestamp.text(of: acceptedAt))) }
        let attempts = last.attempt > 1 ? ", \(last.attempt) attempts" : ""
        switch last.outcome {
        case .sent: lines.append(Explanation.line("sent", Timestamp.text(of: last.time) + attempts))
        case .gaveUp:
            lines.append(Explanation.line("given up", "\(Timestamp.text(of: last.time))\(attempts): \(last.reason)"))
        default: lines.append(Explanation.line("now", "It waits for the bus."))
        }
        return lines
    }
}

extension Explanation.Consumer {
    fileprivate var lines: [String] {
        var lines = ["queue \(queue)" + (handler.isEmpty ? "" : ", handler \(handler)") + ": It \(words)."]
        for message in messages {
            let sent = message.sentAt.map { ", sent \(Timestamp.text(of: $0))" } ?? ""
            let times = message.deliveries == 1 ? "once" : "\(message.deliveries) times"
            lines.append(Explanation.line("received", "\(times) as message \(message.id)\(sent)"))
        }
        if !keyID.isEmpty { lines.append(Explanation.line("verified", "by key \(keyID)")) }
        for run in runs {
            let name = run.attempt > 0 ? "attempt \(run.attempt)" : run.outcome.rawValue
            lines.append(Explanation.line(name, run.attemptText))
        }
        for entry in duplicates {
            let original = entry.parent.isEmpty ? "" : " of event \(entry.parent)"
            let text = "\(Timestamp.text(of: entry.time)), message \(entry.message)"
            lines.append(Explanation.line("duplicate", text + original))
        }
        for item in standing { lines.append(Explanation.line("now", item.text)) }
        if let account {
            if account.strikes > 0 { lines.append(Explanation.line("strikes", "\(account.strikes)")) }
            let until = Timestamp.text(of: account.keepUntil)
            lines.append(Explanation.line("ledger", "first seen \(Timestamp.text(of: account.firstSeen))"))
            lines.append(Explanation.line("repeats", "are recognised until \(until)"))
            if let until = account.permittedUntil {
                lines.append(Explanation.line("permitted", "to run once more until \(Timestamp.text(of: until))"))
            }
        }
        return lines
    }
}

extension JournalEntry {
    fileprivate var reason: String { [code, cause].filter { !$0.isEmpty }.joined(separator: ": ") }

    fileprivate var attemptText: String {
        var text = "\(Timestamp.text(of: time)) \(outcome.rawValue)"
        var facts: [String] = []
        if generation > 0 { facts.append("generation \(generation)") }
        if let took { facts.append("\(took.fractionalMilliseconds) ms") }
        if !facts.isEmpty { text += " (\(facts.joined(separator: ", ")))" }
        if !reason.isEmpty { text += ", \(reason)" }
        if let retryAt { text += "; again from \(Timestamp.text(of: retryAt))" }
        return text
    }
}

extension Standing {
    fileprivate var text: String {
        var text = "It \(step.words), since \(Timestamp.text(of: since))"
        if let until { text += ", until \(Timestamp.text(of: until))" }
        if attempt > 0 { text += ", attempt \(attempt)" }
        if let failure { text += ": \(failure.code.rawValue)" + (failure.cause.isEmpty ? "" : ", \(failure.cause)") }
        return text + "."
    }
}
