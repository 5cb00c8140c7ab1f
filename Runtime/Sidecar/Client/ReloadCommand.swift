import ArgumentParser
import HTTP
import JSON

/// `outrigger reload`: configuration and plugins are read anew, and the answer says what came of it.
struct Reload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let the running sidecar read configuration and plugins anew, and say what changed or why not.")
    @OptionGroup var sidecar: SocketOptions

    @Option(help: "Only if the generation with this digest serves: `outrigger status` shows it.")
    var ifMatch: String?

    func run() async throws {
        let headers = ifMatch.map { [HTTPHeader("If-Match", "\"\($0)\"")] } ?? []
        let answer = try await sidecar.admin.json("POST", "/v1/reload", headers: headers)
        if sidecar.json { return Terminal.say(String(decoding: answer.serialised(), as: UTF8.self)) }
        Terminal.say(Self.words(of: answer))
    }

    static func words(of answer: JSONValue) -> String {
        func list(_ key: String) -> String { (answer[key]?.array ?? []).compactMap(\.string).joined(separator: ", ") }
        let digest = answer["digest"]?.string ?? ""
        var lines: [String]
        if answer["result"]?.string == "switched" {
            lines = ["Generation \(answer["generation"]?.int ?? 0) serves, digest \(digest)."]
            let parts = [("started", "new workers"), ("kept", "goes on"), ("gone", "gone")]
            lines.append(
                Columns.text(
                    parts.map { [$0.1, list($0.0)] }.filter { !$0[1].isEmpty }, indentation: "  "))
        } else {
            lines = ["Nothing has changed: digest \(digest)."]
        }
        let waiting = list("needsRestart")
        if !waiting.isEmpty { lines.append("  Takes effect by a restart alone: \(waiting)") }
        return lines.filter { !$0.isEmpty }.joined(separator: "\n")
    }
}
