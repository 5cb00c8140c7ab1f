import ArgumentParser
import Events
import Plugins

/// The command `outrigger`.
@main
struct Outrigger: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "outrigger",
        abstract: "Verifies, deduplicates and handles signed events from a queue, beside your service.",
        version: version,
        subcommands: [
            Run.self, Check.self, Status.self, Reload.self, Publish.self, EventsCommand.self, Explain.self,
            DeadLetters.self, Replay.self, Promote.self, Rollback.self, Keys.self, Journal.self, StoreCommand.self,
            HandlerTools.self, Dev.self,
        ], defaultSubcommand: Run.self)

    /// Before anything else: no other process of this user may look into this one, workers least of all.
    static func main() async {
        do throws(Failure) {
            try ProcessHardening.apply()
        } catch {
            exit(withError: ValidationError(error.description))
        }
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
        } catch let failure as Failure {
            Terminal.complain("\(failure)\n  \(failure.code.entry.remedy)")
            exit(withError: ExitCode.failure)
        } catch {
            exit(withError: error)
        }
    }
}
