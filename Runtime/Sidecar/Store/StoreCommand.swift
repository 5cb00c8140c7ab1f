import ArgumentParser
import Events
import Foundation
import HTTP
import JSON
import Pipeline
import Settings

/// `outrigger store`: the store of a configuration, asked from here.
struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Look at the store that a configuration names, make it, count what is in it.",
        subcommands: [Check.self, Migrate.self, Stats.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what is right and wrong with the store, and what to do. Changes nothing.")
        @OptionGroup var options: StoreCommandOptions

        func run() async throws {
            let report = try await options.with { office in
                StoreReport(place: office.settings.place, kind: office.settings.kind, findings: await office.inspect())
            }
            Terminal.say(options.json ? report.json.compactText : report.text)
            if !report.isFit { throw ExitCode.failure }
        }
    }

    struct Migrate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the schema, or bring it to this version.",
            discussion: """
                With `migrate: false` sidecars need no right to change the schema: run this as another user, before a \
                new version of them. A table of DynamoDB is made only with --create; a stack of \
                config/deploy/dynamodb.yaml makes it with backups and rights.
                """)
        @OptionGroup var options: StoreCommandOptions
        @Flag(help: "Make the table of DynamoDB, if there is none.")
        var create = false

        func run() async throws {
            let (place, done) = try await options.with { office in
                (office.settings.place, try await office.migrate(creates: create))
            }
            let json: JSONValue = [
                "store": .string(place), "changed": .bool(done.isChanged), "words": .string(done.words),
            ]
            Terminal.say(options.json ? json.compactText : "\(place): \(done.words)")
        }
    }

    struct Stats: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Rows by table, the outbox and its age, bytes.")
        @OptionGroup var options: StoreCommandOptions

        func run() async throws {
            let stats = try await options.with { office in try await office.stats() }
            Terminal.say(options.json ? stats.json.compactText : stats.text)
        }
    }
}

struct StoreCommandOptions: ParsableArguments {
    @Argument(help: "The configuration, a YAML file.")
    var config = "/etc/outrigger/outrigger.yaml"
    @Flag(help: "JSON, for machines.")
    var json = false

    /// - Throws: `ExitCode.failure` for a configuration that cannot be used.
    func with<Value>(_ body: (StoreOffice) async throws -> Value) async throws -> Value {
        let source = ConfigurationSource(path: config)
        let (configuration, problems) = source.read()
        guard let configuration else {
            Terminal.complain(CheckReport(file: config, configuration: nil, problems: problems).text)
            throw ExitCode.failure
        }
        let client = HTTPClient()
        defer { client.shutdown() }
        return try await body(
            StoreOffice(
                opening: StoreOpening(
                    configuration, environment: source.environment, client: client, clock: SystemClock(),
                    migrates: false)))
    }
}
