import ArgumentParser
import Events
import JSON

/// `outrigger status`: what the sidecar does now, on one screen.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what the running sidecar does: generation, queues, outbox, store, handlers.")
    @OptionGroup var sidecar: SocketOptions

    func run() async throws {
        let status = try await sidecar.admin.json("GET", "/v1/status")
        if sidecar.json { return Terminal.say(String(decoding: status.serialised(), as: UTF8.self)) }
        let handlers = try await sidecar.admin.json("GET", "/v1/handlers")
        Terminal.say(StatusPage(status: status, handlers: handlers["handlers"]?.array ?? []).text)
    }
}

/// The answers of `/v1/status` and `/v1/handlers`, for people.
struct StatusPage {
    let status: JSONValue
    let handlers: [JSONValue]

    var text: String {
        let parts = [head, queues, handlerTable, rest, problems]
        return parts.filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    private var now: Instant { time(status["now"]) ?? .distantPast }

    private var head: String {
        let isReady = status["ready"]?.bool == true
        let generation = status["generation"]
        let digest = generation?["digest"]?.string ?? ""
        var rows = [
            ["outrigger", "\(text(status["version"])), up \(age(status["since"])), \(isReady ? "ready" : "NOT READY")"],
            ["generation", "\(number(generation?["number"])), for \(age(generation?["since"])), digest \(digest)"],
        ]
        let draining = (generation?["alive"]?.array ?? []).compactMap(\.int).filter { $0 != generation?["number"]?.int }
        if !draining.isEmpty { rows.append(["", "draining: \(draining.map(String.init).joined(separator: ", "))"]) }
        if let last = status["lastReload"], !last.isNull {
            var words = "\(text(last["result"])) \(age(last["at"])) ago, by \(text(last["trigger"]))"
            if let failure = failure(last["failure"]) { words += ": \(failure)" }
            rows.append(["last reload", words])
        }
        let waiting = (generation?["needsRestart"]?.array ?? []).compactMap(\.string)
        if !waiting.isEmpty { rows.append(["restart for", waiting.joined(separator: ", ")]) }
        return Columns.text(rows)
    }

    private var queues: String {
        let rows = (status["queues"]?.array ?? []).map { queue in
            let count = queue["messages"]?.int ?? 0
            let oldest = Columns.text(of: .milliseconds(queue["oldestMilliseconds"]?.int ?? 0))
            return [
                text(queue["name"]), (queue["handlers"]?.array ?? []).compactMap(\.string).joined(separator: " "),
                "\(count)", count == 0 ? "-" : oldest, queue["available"]?.int.map { "\($0)" } ?? "-", state(of: queue),
            ]
        }
        let head = ["QUEUE", "HANDLERS", "IN HAND", "OLDEST", "IN QUEUE", "STATE"]
        return rows.isEmpty ? "" : Columns.text([head] + rows)
    }

    private func state(of queue: JSONValue) -> String {
        var parts = [failure(queue["paused"]).map { "paused: \($0)" } ?? "receiving"]
        for circuit in queue["circuits"]?.array ?? [] {
            let why = failure(circuit["failure"]) ?? ""
            parts.append("\(text(circuit["handler"])) waits until \(text(circuit["until"])): \(why)")
        }
        if let hidden = queue["hidden"]?.int, hidden > 0 { parts.append("\(hidden) behind FIFO groups that wait") }
        if let parked = queue["parked"]?.int, parked > 0 {
            let groups = parked == 1 ? "1 FIFO group" : "\(parked) FIFO groups"
            parts.append("\(groups) parked, the first for \(age(queue["parkedSince"]))")
        }
        return parts.joined(separator: "; ")
    }

    private var handlerTable: String {
        let rows = handlers.map { handler in
            let parts = handler["sandbox"]?.members ?? []
            // `strict` asks for these as well; without them the sandbox is whole.
            let missing = parts.filter { $0.value.bool == false }.map(\.key)
                .filter { !["namespaces", "own-user"].contains($0) }
            let routes = (handler["routes"]?.array ?? []).map { "\(text($0["source"])) \(text($0["detailType"]))" }
            return [
                text(handler["id"]), "\(text(handler["plugin"])) \(text(handler["version"]))",
                number(handler["workers"]), parts.isEmpty ? "-" : missing.isEmpty ? "whole" : "without \(missing[0])",
                (routes.first ?? "-") + (routes.count > 1 ? " and \(routes.count - 1) more" : ""),
            ]
        }
        return rows.isEmpty ? "" : Columns.text([["HANDLER", "PLUGIN", "WORKERS", "SANDBOX", "ROUTES"]] + rows)
    }

    private var rest: String {
        var rows: [[String]] = []
        if let outbox = status["outbox"], !outbox.isNull {
            let oldest = outbox["oldest"]?.isNull == false ? ", the oldest for \(age(outbox["oldest"]))" : ""
            rows.append(["outbox", "\(number(outbox["rows"])) events wait for the bus\(oldest)"])
        }
        let store = status["store"]?.members ?? []
        if let bytes = status["store"]?["bytes"]?.int {
            let tables = store.filter { $0.key != "bytes" && ($0.value.int ?? 0) > 0 }
            let counts = tables.map { "\($0.key) \(number($0.value))" }.joined(separator: ", ")
            rows.append(["store", Columns.text(ofBytes: bytes) + (counts.isEmpty ? "" : ": \(counts)")])
        }
        rows.append(["sandbox", text(status["sandbox"])])
        for trial in status["trials"]?.array ?? [] {
            let verdict = trial["verdict"]?.string ?? "goes on"
            let build = "\(text(trial["kind"])) \(text(trial["plugin"]))"
            rows.append(["trial", "\(text(trial["handler"])): \(build), \(verdict)"])
        }
        for service in status["services"]?.array ?? [] {
            rows.append(["service", "\(text(service["name"])): circuit \(text(service["circuit"]))"])
        }
        return Columns.text(rows)
    }

    private var problems: String {
        let words = (status["problems"]?.array ?? []).compactMap(\.string)
        return words.isEmpty ? "" : "Not ready, because of\n" + words.map { "  - \($0)" }.joined(separator: "\n")
    }

    // MARK: - members

    private func text(_ value: JSONValue?) -> String { value?.string ?? "" }
    private func number(_ value: JSONValue?) -> String { value?.int.map(String.init) ?? "-" }
    private func time(_ value: JSONValue?) -> Instant? { value?.string.flatMap { Timestamp.parse($0.utf8) } }
    private func age(_ value: JSONValue?) -> String { time(value).map { Columns.text(of: now - $0) } ?? "-" }
    private func failure(_ value: JSONValue?) -> String? {
        guard let code = value?["code"]?.string else { return nil }
        return [code, text(value?["subject"]), text(value?["cause"])].filter { !$0.isEmpty }.joined(separator: " ")
    }
}
