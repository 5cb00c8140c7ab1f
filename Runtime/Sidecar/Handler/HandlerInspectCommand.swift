import ArgumentParser
import Conformance
import JSON

/// `outrigger handler inspect FILE.so`: what it is, what it takes and what it needs.
struct HandlerInspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Say what a library is, what it takes and what it needs.")

    @OptionGroup var arguments: HandlerArguments
    @Flag(help: "Answer in JSON.")
    var json = false

    func run() async throws {
        let inspection = try await Inspection(try arguments.setting(config: nil))
        if json { Terminal.say(String(decoding: inspection.json.serialised(), as: UTF8.self)) } else {
            Terminal.write(inspection.words)
        }
    }
}
