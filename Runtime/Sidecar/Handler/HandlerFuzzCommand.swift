import ArgumentParser
import Conformance
import Events

/// `outrigger handler fuzz FILE.so --seed N --for 30s`: odd events, the same ones for the same seed.
struct HandlerFuzz: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fuzz", abstract: "Give a handler odd events until one does harm, and cut that one down.")

    @OptionGroup var arguments: HandlerArguments
    @Option(help: "The events depend on it alone; by default one of the moment, which is printed.")
    var seed: UInt64?
    @Option(name: .customLong("for"), help: "How long, such as 30s or 5m.")
    var duration = "30s"
    @Option(help: "Stop after so many events.")
    var events: Int?
    @Option(help: "The handler's configuration, a JSON object in a file.")
    var config: String?
    @Option(help: "An event to start from, in a file; may be given again.")
    var event: [String] = []
    @Option(help: "The handler, by its id; by default the first.")
    var handler: String?

    func run() async throws {
        guard let time = Self.seconds(duration) else {
            throw ValidationError("for '\(duration)': write a number of seconds or minutes, such as 30s or 5m")
        }
        let seed = seed ?? UInt64.random(in: 1...999_999)
        let fuzz = Fuzz(
            try arguments.setting(config: config), only: handler.map { HandlerID($0) },
            files: try HandlerArguments.files(event), seed: seed)
        let report = try await fuzz.run(for: time, events: events ?? .max)
        let options = [config.map { " --config \($0)" }, handler.map { " --handler \($0)" }].compactMap { $0 }.joined()
        let command = { (name: String) in "outrigger handler \(name) \(arguments.file)\(options)" }
        Terminal.write(report.words(run: command("run"), fuzz: command("fuzz")))
        if report.finding != nil { throw ExitCode.failure }
    }

    private static func seconds(_ text: String) -> Duration? {
        guard let number = Int(text.dropLast()), (1...86_400).contains(number) else { return nil }
        switch text.last {
        case "s": return .seconds(number)
        case "m": return .seconds(60 * number)
        default: return nil
        }
    }
}
