import ArgumentParser
import Events
import Foundation
import Settings

/// `outrigger promote`: the second build takes the place of the first.
struct Promote: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let the build that a handler tries serve in place of the one it has.")
    @OptionGroup var decision: TrialDecision
    func run() throws { try decision.make(.promoted) }
}

/// `outrigger rollback`: the trial ends, and the first build has all events.
struct Rollback: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "End the trial of a handler's second build; a promoted one serves no longer.")
    @OptionGroup var decision: TrialDecision
    func run() throws { try decision.make(.rolledBack) }
}

/// What both commands ask for, and do: they write the decision down, and the running sidecar goes over by itself.
struct TrialDecision: ParsableArguments {
    @Argument(help: "The handler, by id.")
    var handler: String

    @Option(help: "The configuration that the sidecar runs with.")
    var config = "/etc/outrigger/outrigger.yaml"

    @Option(help: "Why, for the journal and the log.")
    var reason = "by hand"

    func make(_ verdict: TrialBook.Verdict) throws {
        let (configuration, problems) = Configuration.load(
            path: config, environment: ProcessInfo.processInfo.environment)
        guard let configuration else {
            Terminal.complain(CheckReport(file: config, configuration: nil, problems: problems).text)
            throw ExitCode.failure
        }
        guard let settings = configuration.handlers.first(where: { $0.id.text == handler }) else {
            let known = configuration.handlers.map(\.id.text).joined(separator: ", ")
            throw ValidationError("\(config) has no handler \(handler), but \(known).")
        }
        guard let trial = settings.trial else {
            throw ValidationError("\(handler) tries no second build: \(config) has no `trial` under it.")
        }
        let decision = TrialBook.Decision(build: trial.build(for: settings), verdict: verdict, reason: reason)
        try TrialBook(in: configuration.stateDirectory).decide(decision, of: settings.id)
        let serving = verdict == .promoted ? trial.plugin : settings.plugin
        Terminal.say("\(handler): \(verdict.rawValue); \(serving) gets every event as soon as the sidecar has seen it.")
        if verdict == .promoted {
            Terminal.say("Put it under `plugin` in \(config), and take `trial` away, when you next change it.")
        }
    }
}
