import ArgumentParser
import Conformance
import Events
import JSON

/// `outrigger handler check FILE.so`: a verdict for each rule of the contract. Status 0 if none is broken.
struct HandlerCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Try each rule of event_handler.h on a library, and give a verdict for each.")

    @OptionGroup var arguments: HandlerArguments
    @Option(help: "The handler's configuration, a JSON object in a file.")
    var config: String?
    @Option(help: "An event to try it with, in a file; may be given again.")
    var event: [String] = []
    @Option(help: "The one handler to try, by its id.")
    var handler: String?
    @Option(help: "'SOURCE DETAIL-TYPE' that it may publish; may be given again. By default it may publish anything.")
    var publish: [String] = []
    @Option(help: "How many events memory is watched over.")
    var repeats = 10_000
    @Flag(help: "Answer in JSON.")
    var json = false

    func run() async throws {
        let check = Conformance.Check(
            try arguments.setting(config: config, publish: publish), only: handler.map { HandlerID($0) },
            files: try HandlerArguments.files(event), repeats: max(repeats, 0))
        let report = try await check.run()
        if json { Terminal.say(String(decoding: report.json.serialised(), as: UTF8.self)) } else {
            Terminal.write(report.words)
        }
        if !report.isPassed { throw ExitCode.failure }
    }
}
