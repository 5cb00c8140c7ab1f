import ArgumentParser
import Events
import Foundation
import LocalAPI
import Pipeline
import Settings

/// Which box is meant, and how the answer is written.
struct LetterOptions: ParsableArguments {
    @Option(help: "The configuration that the sidecar runs with.")
    var config = "/etc/outrigger/outrigger.yaml"
    @Option(help: "The queue whose dead letters are meant; not needed where there is one.")
    var queue: String?
    @Flag(help: "Its quarantine: messages that were never verified, where they have a queue of their own.")
    var quarantine = false
    @Flag(help: "Events that the bus did not take, instead of a queue's letters.")
    var publications = false
    @Option(help: "Let the sidecar at this admin socket do it, with its credentials, instead of doing it from here.")
    var socket: String?
    @Flag(help: "JSON, for machines.")
    var json = false

    func validate() throws {
        if quarantine && publications { throw ValidationError("--quarantine or --publications, not both.") }
    }

    /// - Throws: `ExitCode.failure` for a configuration that cannot be used, `ValidationError` for no known queue.
    func place() throws -> (Configuration, LetterPlace) {
        let (configuration, problems) = ConfigurationSource(path: config).read()
        guard let configuration else {
            Terminal.complain(CheckReport(file: config, configuration: nil, problems: problems).text)
            throw ExitCode.failure
        }
        if publications { return (configuration, LetterPlace(queue: QueueName(""), box: .publications)) }
        let names = configuration.queues.map(\.name.text)
        guard let name = queue ?? (names.count == 1 ? names[0] : nil) else {
            throw ValidationError("--queue says which: \(names.joined(separator: ", ")).")
        }
        guard names.contains(name) else {
            throw ValidationError("There is no queue \(name), but \(names.joined(separator: ", ")).")
        }
        return (configuration, LetterPlace(queue: QueueName(name), box: quarantine ? .quarantine : .deadLetters))
    }
}

/// Which of its letters are looked at.
struct LetterFilterOptions: ParsableArguments {
    @Option(help: "Only with this failure code.")
    var code: String?
    @Option(help: "Only of this handler.")
    var handler: String?
    @Option(help: "Only of this detail type; * stands for a part.")
    var detailType: String?
    @Option(help: "Only with so many attempts, or more.")
    var attempts: Int?
    @Option(help: "Only in the box for so long, or longer: 30m, 12h, 3d.")
    var olderThan: Age?
    @Option(help: "Only in the box for so long, or shorter.")
    var youngerThan: Age?

    var filter: LetterFilter {
        var filter = LetterFilter()
        filter.code = code
        filter.handler = handler
        filter.detailType = detailType.map { NamePattern($0) }
        filter.attempts = attempts
        filter.olderThan = olderThan?.duration
        filter.youngerThan = youngerThan?.duration
        return filter
    }
}

/// Which of its letters are moved: one, a group, or all; never by leaving something out.
struct LetterSelection: ParsableArguments {
    @Argument(help: "The id of one letter, as `list` has it.")
    var id: String?
    @Option(help: "All letters of one fingerprint, CODE/HANDLER/DETAIL-TYPE, as `group` has it.")
    var group: String?
    @Flag(help: "All letters of the box.")
    var all = false
    @Flag(help: "Do it without asking.")
    var yes = false

    func validate() throws {
        guard [id != nil, group != nil, all].count(where: { $0 }) == 1 else {
            throw ValidationError("An ID, --group FINGERPRINT or --all says which letters are meant.")
        }
        if let group, LetterFingerprint(group) == nil {
            throw ValidationError("--group is CODE/HANDLER/DETAIL-TYPE, as `outrigger dead-letters group` has it.")
        }
    }

    var filter: LetterFilter {
        var filter = LetterFilter()
        if let id { filter.ids = [MessageID(id)] }
        filter.fingerprint = group.flatMap { LetterFingerprint($0) }
        return filter
    }
}

/// `90s`, `30m`, `12h`, `3d`.
struct Age: ExpressibleByArgument {
    let duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    init?(argument: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = argument.last.flatMap({ units[$0] }), argument.utf8.count <= 7,
            let count = Int64(argument.dropLast()), count >= 0
        else { return nil }
        duration = .seconds(count * unit)
    }

    var defaultValueDescription: String { Columns.text(of: duration) }
}

/// Letters a second: `10`, `0.5`, `10/s`.
struct Rate: ExpressibleByArgument {
    let value: Double

    init?(argument: String) {
        let number = argument.hasSuffix("/s") ? String(argument.dropLast(2)) : argument
        guard let value = Double(number), value >= 0.01, value <= 100_000 else { return nil }
        self.value = value
    }
}

enum Consent {
    /// Asks the person at the terminal. Where there is none, only `--yes` is consent.
    /// - Throws: `ExitCode.failure` without it.
    static func ask(_ what: String, given: Bool) throws {
        if given { return }
        guard isatty(STDIN_FILENO) == 1 else {
            Terminal.complain("\(what)\n  Nobody is there to be asked: say --yes.")
            throw ExitCode.failure
        }
        Terminal.write("\(what) [y/N] ")
        guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
            Terminal.complain("nothing was done.")
            throw ExitCode.failure
        }
    }
}
