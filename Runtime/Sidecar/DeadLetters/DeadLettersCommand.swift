import ArgumentParser
import Events
import Foundation
import JSON
import Pipeline
import Synchronization

/// `outrigger dead-letters`: look at what failed, and decide what becomes of it.
struct DeadLetters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Look at dead letters, send them back, edit or discard them.",
        discussion: """
            Looking consumes nothing: letters that are looked at are hidden from others for a minute at most. \
            Letters in a queue of SQS are reached with the AWS credentials of this environment; letters in the store \
            by the sidecar's admin socket, or in its file where no sidecar has it.
            """,
        subcommands: [List.self, Group.self, Show.self, Redrive.self, Edit.self, Discard.self, Free.self])

    /// What a canary that stopped a redrive ends the command with; everything else that fails ends it with 1.
    static let stopped = ExitCode(2)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List dead letters, the oldest first.")
        @OptionGroup var letters: LetterOptions
        @OptionGroup var filter: LetterFilterOptions

        func run() async throws {
            let answer = try await LetterWay.with(letters) { try await $0.list(filter.filter) }
            Terminal.write(letters.json ? answer.compactText + "\n" : LetterWords.list(answer))
        }
    }

    struct Group: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Group dead letters by code, handler and detail type, the largest group first.")
        @OptionGroup var letters: LetterOptions
        @OptionGroup var filter: LetterFilterOptions

        func run() async throws {
            let answer = try await LetterWay.with(letters) { try await $0.groups(filter.filter) }
            Terminal.write(letters.json ? answer.compactText + "\n" : LetterWords.groups(answer))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show all of one dead letter: why it is one, its attributes and its body.")
        @OptionGroup var letters: LetterOptions
        @Argument(help: "The letter's id, as `list` has it.")
        var id: String

        func run() async throws {
            let answer = try await LetterWay.with(letters) { try await $0.letter(id) }
            Terminal.write(letters.json ? answer.compactText + "\n" : LetterWords.letter(answer))
        }
    }

    struct Redrive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send dead letters back to their queue, where they are verified and handled like any message.",
            discussion: """
                What was done meanwhile is recognised as a duplicate. Each letter is sent first and deleted after: \
                whatever interrupts this loses none, and the same command goes on with the rest. Ends with 2 where \
                the canary stopped it.
                """)
        @OptionGroup var letters: LetterOptions
        @OptionGroup var selection: LetterSelection
        @Flag(help: "Say what would be moved, and move nothing.")
        var dryRun = false
        @Option(help: "At most so many letters a second: 10/s.")
        var rate: Rate?
        @Option(help: "Send so many first, and the others only if none of them fails again.")
        var canary = 0
        @Option(help: "How long the canary is waited for.")
        var canaryWait = Age(.minutes(1))
        @Flag(help: "Let each event run once more though it was done, conflicts or is too old; needs --reason.")
        var override = false
        @Option(help: "Why, for the journal.")
        var reason = ""

        func validate() throws {
            guard (0...Limits.letterCanary).contains(canary) else {
                throw ValidationError("--canary takes 0 to \(Limits.letterCanary).")
            }
            if override { try DeadLetters.check(reason) }
        }

        func run() async throws {
            var plan = RedrivePlan()
            plan.override = override ? SystemClock().now : nil
            plan.rate = rate?.value
            plan.canary = canary
            plan.patience = canaryWait.duration
            try await LetterWay.with(letters, reason: reason) { way in try await run(plan, way) }
        }

        private func run(_ plan: RedrivePlan, _ way: LetterWay) async throws {
            let found = try await DeadLetters.found(selection, way)
            let what = "\(LetterWords.count(found)) would go back to \(way.address)"
            if dryRun || found.total == 0 {
                return Terminal.write(letters.json ? found.groups.compactText + "\n" : LetterWords.dryRun(what, found))
            }
            if !letters.json { Terminal.write(LetterWords.groups(found.groups)) }
            let risk = override ? " Each event may run once more, though it was done." : ""
            try Consent.ask(
                "\(LetterWords.count(found)) will go back to \(way.address).\(risk)", given: selection.yes)
            let progress = LetterProgress(of: found.total)
            let isQuiet = letters.json
            let report = try await way.redrive(selection.filter, plan) { moved in
                if !isQuiet, progress.isWorthAWord(moved) { Terminal.say("  \(moved) of \(found.total)") }
            }
            Terminal.write(letters.json ? report.compactText + "\n" : LetterWords.redriven(report, canary: canary))
            try DeadLetters.end(report)
        }
    }

    struct Edit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a dead letter back with another payload, signed anew with the configured key.",
            discussion: """
                Another payload is another event, with an id of its own and the old one in the journal; the same \
                payload keeps its id. The consumer's key set must let this key speak for the event's source.
                """)
        @OptionGroup var letters: LetterOptions
        @Argument(help: "The letter's id, as `list` has it.")
        var id: String
        @Argument(help: "A file with the new detailCore, JSON; - for standard input, which takes --yes.")
        var file: String
        @Flag(help: "Do it without asking.")
        var yes = false
        @Option(help: "Why, for the journal.")
        var reason = ""

        func run() async throws {
            let data = file == "-"
                ? try FileHandle.standardInput.readToEnd() : try? Data(contentsOf: URL(filePath: file))
            guard let data else { throw ValidationError("\(file) cannot be read.") }
            try await LetterWay.with(letters, reason: reason) { way in
                let letter = try await way.letter(id)
                let isVerified = letter["verified"]?.bool == true
                let warning = isVerified ? "" : "\n  It was never verified: you vouch for what the new signature says."
                try Consent.ask(
                    "Letter \(id) (\(letter["code"]?.string ?? "")) will be replaced by an event that is signed here, "
                        + "sent to \(way.address).\(warning)", given: yes)
                let edited = try await way.edit(id, core: [UInt8](data))
                if letters.json { return Terminal.say(edited.compactText) }
                let name = edited["eventId"]?.string ?? ""
                let isNew = edited["new"]?.bool == true
                Terminal.say(
                    "Sent as \(isNew ? "a new event" : "the same event, signed anew"): \(name)"
                        + (isNew ? ", in place of \(edited["originalId"]?.string ?? "")" : "") + ".")
            }
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Delete dead letters for good, and say why.")
        @OptionGroup var letters: LetterOptions
        @OptionGroup var selection: LetterSelection
        @Option(help: "Why, for the journal.")
        var reason: String

        func validate() throws { try DeadLetters.check(reason) }

        func run() async throws {
            try await LetterWay.with(letters, reason: reason) { way in
                let found = try await DeadLetters.found(selection, way)
                guard found.total > 0 else { return Terminal.say(letters.json ? found.groups.compactText : "None.") }
                if !letters.json { Terminal.write(LetterWords.groups(found.groups)) }
                try Consent.ask("\(LetterWords.count(found)) will be deleted for good.", given: selection.yes)
                let report = try await way.discard(selection.filter)
                let count = report["moved"]?.int ?? 0
                Terminal.say(letters.json ? report.compactText : "\(LetterWords.letters(Int(count))) deleted.")
                try DeadLetters.end(report)
            }
        }
    }

    struct Free: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a parked FIFO group go on without the event that it stands behind.",
            discussion: """
                What comes from now on goes on by itself. What was refused meanwhile are dead letters with the code \
                dedup.parked, which are redriven after this, in their order.
                """)
        @OptionGroup var letters: LetterOptions
        @Option(help: "The message group, as `list` has it.")
        var group: String
        @Option(help: "Why, for the journal.")
        var reason: String

        func validate() throws { try DeadLetters.check(reason) }

        func run() async throws {
            try await LetterWay.with(letters, reason: reason) { way in
                try await way.free(group)
                Terminal.say(letters.json ? "{}" : "\(group) is free.")
            }
        }
    }

    fileprivate static func check(_ reason: String) throws {
        guard !reason.isEmpty, reason.utf8.count <= Limits.letterReasonBytes else {
            throw ValidationError("--reason has 1 to \(Limits.letterReasonBytes) bytes.")
        }
    }

    /// What somebody means, before it is touched.
    struct Found: Sendable {
        let groups: JSONValue
        var total: Int { Int(groups["letters"]?.int ?? 0) }
        var isWhole: Bool { groups["whole"]?.bool ?? false }
    }

    private static func found(_ selection: LetterSelection, _ way: LetterWay) async throws -> Found {
        guard let id = selection.id else { return Found(groups: try await way.groups(selection.filter)) }
        let letter = try await way.letter(id)
        return Found(groups: [
            "groups": [
                [
                    "fingerprint": letter["fingerprint"] ?? "", "count": 1, "oldest": letter["arrivedAt"] ?? "",
                    "newest": letter["arrivedAt"] ?? "", "reason": letter["reason"] ?? "", "example": .string(id),
                ]
            ], "letters": 1, "whole": true,
        ])
    }

    /// - Throws: the exit code of what did not go as it should.
    private static func end(_ report: JSONValue) throws {
        if ["failed", "undecided"].contains(report["canary"]?.string ?? "") {
            Terminal.complain("\(FailureCode.redriveStopped.rawValue): \(FailureCode.redriveStopped.entry.remedy)")
            throw stopped
        }
        guard let failure = report["failure"], !failure.isNull else { return }
        let words = [failure["code"], failure["subject"], failure["cause"]].compactMap { $0?.string }
        Terminal.complain(words.joined(separator: " "))
        throw ExitCode.failure
    }
}

/// Says something ten times in all, however many letters there are.
final class LetterProgress: Sendable {
    private let step: Int
    private let next: Mutex<Int>

    init(of total: Int) {
        step = max(total / 10, 1)
        next = Mutex(step)
    }

    func isWorthAWord(_ moved: Int) -> Bool {
        next.withLock { next in
            guard moved >= next else { return false }
            next = (moved / step + 1) * step
            return true
        }
    }
}
