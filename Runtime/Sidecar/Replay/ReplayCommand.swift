import ArgumentParser
import Events
import Foundation
import HTTP
import JSON

/// `outrigger replay`: what a handler would make now of events that it had before.
struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give events of the journal to their handlers again, in shadow: nothing of it stays.",
        discussion: """
            Takes events whose payloads the journal kept (journal.payloads: keep). They run in the workers that serve, \
            see state as it is now, and find every service unavailable. With --apply what is done is committed: each \
            event runs under a permit, as with `dead-letters redrive --override`.
            """)
    @OptionGroup var sidecar: SocketOptions

    @Option(
        parsing: .unconditional,
        help: "Events of runs that ended since then: 2026-11-21T08:00:00Z, or so long ago: -1h.")
    var from: String
    @Option(parsing: .unconditional, help: "And before then.")
    var to: String
    @Option(help: "Only of this detail type.")
    var type: String?
    @Option(help: "Only of this source.")
    var source: String?
    @Option(help: "Only of this handler.")
    var handler: String?
    @Option(help: "Only of this queue.")
    var queue: String?
    @Option(help: "At most so many events.")
    var limit = Limits.replayEvents
    @Option(help: "At most so many events a second.")
    var rate = Limits.replayRate
    @Option(help: "Go on behind this row of the journal, as an interrupted replay said.")
    var after: Int64 = 0
    @Flag(help: "Commit what is done; needs --reason.")
    var apply = false
    @Flag(help: "Do it without asking.")
    var yes = false
    @Option(help: "Why, for the journal.")
    var reason = ""

    func validate() throws {
        guard (1...Limits.replayEvents).contains(limit) else {
            throw ValidationError("--limit takes 1 to \(Limits.replayEvents).")
        }
        guard (1...1_000).contains(rate) else { throw ValidationError("--rate takes 1 to 1000.") }
        guard !apply || !reason.isEmpty else { throw ValidationError("--apply needs --reason.") }
    }

    func run() async throws {
        if apply {
            let what = "What these events come to will be committed, and what they publish will be sent, once more."
            try Consent.ask(what, given: yes)
        }
        var summary = ReplaySummary()
        var (from, to, next) = (from, to, Optional(after))
        if !sidecar.json { Terminal.say(ReplaySummary.head) }
        while let after = next, summary.events < limit {
            let answer = try await ask(from, to, after: after, atMost: min(limit - summary.events, Limits.replayPage))
            (from, to) = (answer["from"]?.string ?? from, answer["to"]?.string ?? to)
            for event in answer["events"]?.array ?? [] {
                summary.add(event)
                Terminal.say(sidecar.json ? event.compactText : ReplaySummary.line(event))
            }
            summary.withoutPayload += Int(answer["withoutPayload"]?.int ?? 0)
            next = answer["next"]?.int
        }
        Terminal.say(sidecar.json ? summary.json(next).compactText : summary.text(next))
        if summary.events == 0, summary.withoutPayload > 0 { throw ExitCode.failure }
    }

    private func ask(_ from: String, _ to: String, after: Int64, atMost count: Int) async throws -> JSONValue {
        var members = [
            JSONMember("from", .string(from)), JSONMember("to", .string(to)), JSONMember("after", .integer(after)),
            JSONMember("limit", .integer(Int64(count))), JSONMember("rate", .integer(Int64(rate))),
            JSONMember("apply", .bool(apply)), JSONMember("reason", .string(reason)),
        ]
        for (name, text) in [("detailType", type), ("source", source), ("handler", handler), ("queue", queue)] {
            if let text { members.append(JSONMember(name, .string(text))) }
        }
        let response = try await sidecar.admin.send(
            "POST", "/v1/replays", headers: [HTTPHeader("Content-Type", "application/json")],
            body: JSONValue.object(members).serialised()[...], timeout: .hours(2))
        return try JSONValue.parse(response.body)
    }
}

/// What a replay came to, for people.
struct ReplaySummary {
    static let head = columns(["EVENT", "HANDLER", "THEN", "NOW", "CODE", "EFFECTS"])

    private(set) var events = 0
    private var counts: [String: Int] = [:]
    private var differing = 0
    private var applied = 0
    var withoutPayload = 0

    mutating func add(_ event: JSONValue) {
        events += 1
        counts[event["outcome"]?.string ?? "", default: 0] += 1
        if event["differs"]?.bool == true { differing += 1 }
        if event["applied"]?.bool == true { applied += 1 }
    }

    /// Told one by one, as they come.
    static func line(_ event: JSONValue) -> String {
        func text(_ name: String) -> String { event[name]?.string ?? "" }
        let code = [text("code"), text("cause")].filter { !$0.isEmpty }.joined(separator: ": ")
        return columns([
            text("eventId"), text("handler"), event["recorded"]?["outcome"]?.string ?? "",
            text("outcome") + (event["differs"]?.bool == true ? " *" : ""), code.isEmpty ? "-" : code, effects(event),
        ])
    }

    private static func columns(_ cells: [String]) -> String {
        let widths = [36, 16, 7, 9, 30, 0]
        return zip(cells, widths).map { cell, width in
            cell + String(repeating: " ", count: max(0, width - cell.count))
        }.joined(separator: "  ")
    }

    private static func effects(_ event: JSONValue) -> String {
        let writes = event["writes"]?.array?.count ?? 0
        let published = (event["publishes"]?.array ?? []).compactMap { $0["detailType"]?.string }
        let timers = Int(event["timers"]?.int ?? 0)
        var parts: [String] = []
        if writes > 0 { parts.append(writes == 1 ? "1 key" : "\(writes) keys") }
        if !published.isEmpty { parts.append(published.joined(separator: " ")) }
        if timers > 0 { parts.append(timers == 1 ? "1 timer" : "\(timers) timers") }
        return parts.isEmpty ? "-" : parts.joined(separator: ", ")
    }

    func text(_ next: Int64?) -> String {
        let words = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        let all = (words + ["\(differing) otherwise than then (*)"]).joined(separator: ", ")
        var lines = ["", "\(events) events: \(all)."]
        lines.append(applied > 0 ? "\(applied) were committed." : "Nothing of it stays.")
        if withoutPayload > 0 {
            let setting = "`journal: {payloads: keep}` keeps those to come"
            lines.append("\(withoutPayload) more have no payload in the journal: \(setting).")
        }
        if let next { lines.append("There may be more: --after \(next)") }
        return lines.joined(separator: "\n")
    }

    func json(_ next: Int64?) -> JSONValue {
        var members = counts.sorted { $0.key < $1.key }.map { JSONMember($0.key, .integer(Int64($0.value))) }
        members += [
            JSONMember("events", .integer(Int64(events))), JSONMember("differ", .integer(Int64(differing))),
            JSONMember("applied", .integer(Int64(applied))),
            JSONMember("withoutPayload", .integer(Int64(withoutPayload))),
            JSONMember("next", next.map { .integer($0) } ?? .null),
        ]
        return .object([JSONMember("summary", .object(members))])
    }
}
