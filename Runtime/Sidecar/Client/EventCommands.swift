import ArgumentParser
import Events
import Foundation
import HTTP
import JSON

/// `outrigger publish`: hands a payload in, and says under which id.
struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Publish an event through the running sidecar; it is durable when this ends.")
    @OptionGroup var sidecar: SocketOptions

    @Option(help: "The source, such as com.example.orders.")
    var source: String
    @Option(help: "The detail type, such as Order.Accepted.v1.")
    var detailType: String
    @Option(help: "The resource; events of one resource keep their order.")
    var resource: String?
    @Option(help: "The correlation id; by default the event's own id.")
    var correlationId: String?
    @Option(help: "A key under which this is taken only once.")
    var idempotencyKey: String?
    @Argument(help: "A file with the payload, a JSON object; - for standard input.")
    var file: String

    func run() async throws {
        let data = file == "-" ? try FileHandle.standardInput.readToEnd() : try? Data(contentsOf: URL(filePath: file))
        guard let data else { throw ValidationError("\(file) cannot be read.") }
        var headers = [HTTPHeader("Content-Type", "application/json")]
        if let idempotencyKey { headers.append(HTTPHeader("Idempotency-Key", idempotencyKey)) }
        let response = try await sidecar.service.send(
            "POST", "/v1/events", headers: headers, body: event(with: [UInt8](data))[...])
        if sidecar.json { return Terminal.say(String(decoding: response.body, as: UTF8.self)) }
        let answer = (try? JSONValue.parse(response.body))?["events"]?[0]
        let again = response.headers["Idempotent-Replayed"] == nil ? "" : " (taken before, under the same key)"
        Terminal.say("\(answer?["id"]?.string ?? "") is durable\(again).")
        let correlation = answer?["correlationId"]?.string ?? ""
        Terminal.say("  outrigger events '\(correlation.replacing("'", with: #"'\''"#))'")
    }

    /// The payload goes as it is written: the sidecar is the judge of it.
    private func event(with payload: [UInt8]) -> [UInt8] {
        var bytes = Array(#"{"source":"#.utf8) + JSONValue.string(source).serialised()
        bytes += Array(#","detailType":"#.utf8) + JSONValue.string(detailType).serialised()
        if let resource { bytes += Array(#","resource":"#.utf8) + JSONValue.string(resource).serialised() }
        if let correlationId {
            bytes += Array(#","trace":{"correlationId":"#.utf8) + JSONValue.string(correlationId).serialised()
            bytes.append(UInt8(ascii: "}"))
        }
        return bytes + Array(#","detailCore":"#.utf8) + payload + Array("}".utf8)
    }
}

/// `outrigger events`: the timeline of a correlation, or what a search finds, and what comes next.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Show the journal: one correlation's timeline, or what a search finds.")
    @OptionGroup var sidecar: SocketOptions

    @Argument(help: "A correlation id.")
    var correlation: String?
    @Option(help: "Only of this resource.")
    var resource: String?
    @Option(help: "Only of this source.")
    var source: String?
    @Option(help: "Only of this detail type.")
    var detailType: String?
    @Option(help: "Only with this outcome: done, duplicate, retry, dead, refused, accepted, sent, gave-up.")
    var outcome: String?
    @Option(help: "Only since then: 2026-11-21T08:00:00Z, or so long ago: -1h.")
    var since: String?
    @Option(help: "Only until then.")
    var until: String?
    @Option(help: "At most so many rows; the oldest first.")
    var limit = 1_000
    @Flag(help: "Go on with what comes, until interrupted.")
    var follow = false

    func validate() throws {
        guard follow, detailType != nil || outcome != nil || until != nil else { return }
        throw ValidationError("--follow takes a correlation, --resource, --source and --since.")
    }

    func run() async throws {
        // Nothing found yet: whatever is found from the first row on is new; but for the old, which `since` leaves out.
        var last: Int64? = since == nil ? 0 : nil
        var left = max(1, limit)
        var target: String? = "\(path)?" + query(parameters + [("limit", String(min(left, Limits.journalPage)))])
        while let page = target, left > 0 {
            let answer = try await sidecar.service.json("GET", page)
            let rows = answer["rows"]?.array ?? []
            for row in rows.prefix(left) {
                show(row)
                last = row["number"]?.int ?? last
            }
            left -= rows.count
            target = answer["next"]?.string
        }
        if follow { try await follow(behind: last) }
    }

    private var path: String { "/v1/events" + (correlation.map { "/" + encoded($0) } ?? "") }

    private var parameters: [(String, String)] {
        let all = [
            ("resource", resource), ("source", source), ("detailType", detailType), ("outcome", outcome),
            ("since", since), ("until", until),
        ]
        return all.compactMap { name, value in value.map { (name, $0) } }
    }

    private func query(_ parameters: [(String, String)]) -> String {
        parameters.map { "\($0.0)=\(encoded($0.1))" }.joined(separator: "&")
    }


    private func show(_ row: JSONValue) {
        Terminal.say(sidecar.json ? String(decoding: row.serialised(), as: UTF8.self) : EventLine.text(of: row))
    }

    // MARK: - follow

    /// A stream that ends is taken up again after its last row: so the sidecar may restart meanwhile.
    private func follow(behind start: Int64?) async throws {
        let narrow = [("correlationId", correlation), ("resource", resource), ("source", source)]
            .compactMap { name, value in value.map { (name, $0) } }
        let reader = StreamReader(last: start)
        while !Task.isCancelled {
            let behind = reader.last.map { [("lastEventId", String($0))] } ?? []
            let target = "/v1/events/stream?" + query(narrow + behind)
            try await sidecar.service.follow(target) { bytes in
                for row in reader.rows(in: bytes) { show(row) }
                return true
            }
            try await Task.sleep(for: .seconds(1))
        }
    }
}

/// `outrigger explain`: what became of an event, and where it stands.
struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Explain what became of an event, or of a refused message, and what it waits for.")
    @OptionGroup var sidecar: SocketOptions

    @Argument(help: "The event's id, or the queue's id of a message.")
    var id: String

    func run() async throws {
        let target = "/v1/explain/" + encoded(id)
        let type = sidecar.json ? "application/json" : "text/plain"
        let response = try await sidecar.service.send("GET", target, headers: [HTTPHeader("Accept", type)])
        Terminal.write(String(decoding: response.body, as: UTF8.self) + (sidecar.json ? "\n" : ""))
    }
}

/// As a part of an address: all but RFC 3986's unreserved characters are percent-encoded.
private func encoded(_ text: String) -> String {
    let ascii = CharacterSet(charactersIn: "a"..."z").union(CharacterSet(charactersIn: "A"..."Z"))
        .union(CharacterSet(charactersIn: "0"..."9")).union(CharacterSet(charactersIn: "-._~"))
    return text.addingPercentEncoding(withAllowedCharacters: ascii) ?? ""
}

/// A row of the journal on one line, for people.
enum EventLine {
    static func text(of row: JSONValue) -> String {
        func member(_ name: String) -> String { row[name]?.string ?? "" }
        let place = [member("queue"), member("handler")].filter { !$0.isEmpty }.joined(separator: "/")
        var parts = [
            member("time"), pad(member("outcome"), 9), [member("source"), member("detailType")]
                .filter { !$0.isEmpty }.joined(separator: " "),
            member("eventId").isEmpty ? "message \(member("messageId"))" : member("eventId"),
        ]
        if !place.isEmpty { parts.append(place) }
        if let attempt = row["attempt"]?.int, attempt > 1 { parts.append("attempt \(attempt)") }
        if !member("code").isEmpty { parts.append(member("code")) }
        if !member("cause").isEmpty { parts.append(member("cause")) }
        return parts.filter { !$0.isEmpty }.joined(separator: "  ")
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
