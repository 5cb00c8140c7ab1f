import ArgumentParser
import Conformance
import Events
import JSON

/// `outrigger handler run FILE.so EVENT.json`: one event, and everything that the handler did and said.
struct HandlerRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run one event, print all that the handler did, and apply nothing.",
        discussion: """
            The event needs no signature: an EventBridge envelope, {"source", "detail-type", "detail"}, or the bare \
            payload in a file that is named after its detail type. - reads it from standard input.
            """)

    @OptionGroup var arguments: HandlerArguments
    @Argument(help: "The event, a JSON file, or - for standard input.")
    var event: String
    @Option(help: "The handler's configuration, a JSON object in a file.")
    var config: String?
    @Option(help: "The handler's state, a JSON object in a file: each key with a text, or with JSON.")
    var state: String?
    @Option(help: "The handler, by its id; by default the first that takes the event.")
    var handler: String?

    func run() async throws {
        let single = try await SingleRun(
            try arguments.setting(config: config), only: handler.map { HandlerID($0) },
            file: (event, try HandlerArguments.content(of: event)), state: try values())
        Terminal.write(single.words)
        if !single.isDone { throw ExitCode.failure }
    }

    private func values() throws -> [String: Bytes] {
        guard let state else { return [:] }
        guard let members = try? JSONValue.parse(try HandlerArguments.content(of: state)).members else {
            throw Failure(.settingsInvalid, state, "not a JSON object")
        }
        var values: [String: Bytes] = [:]
        for member in members {
            values[member.key] = member.value.string.map { Bytes($0) } ?? member.value.serialised()[...]
        }
        return values
    }
}
