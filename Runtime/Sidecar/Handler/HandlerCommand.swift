import ArgumentParser
import Conformance
import Events
import Foundation
import Plugins

/// `outrigger handler`: tools for handler authors. Everything runs in a worker and its sandbox, as in production.
struct HandlerTools: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "handler", abstract: "Inspect, check, run and fuzz a handler's library.",
        subcommands: [HandlerInspect.self, HandlerCheck.self, HandlerRun.self, HandlerFuzz.self])
}

/// What the four commands have in common.
struct HandlerArguments: ParsableArguments {
    @Argument(help: "The library, a .so file.")
    var file: String
    @Option(help: "What shuts the worker in: strict, required, available or off.")
    var sandbox = "available"

    /// - Parameters:
    ///   - config: the path of a JSON object, or `nil`.
    ///   - publish: `SOURCE DETAIL-TYPE` each; empty lets the handler publish anything.
    func setting(config: String?, publish: [String] = []) throws -> BenchSetting {
        guard let mode = HandlerOptions.Sandbox(rawValue: sandbox) else {
            throw ValidationError("sandbox '\(sandbox)': write strict, required, available or off")
        }
        var setting = BenchSetting(worker: Installation.path("outrigger-worker"), plugin: file)
        setting.sandbox = mode
        setting.configuration = try config.map { try Self.content(of: $0)[...] }
        if !publish.isEmpty { setting.publish = try publish.map(Self.route) }
        return setting
    }

    private static func route(_ text: String) throws -> RoutePattern {
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 2 else { throw ValidationError("publish '\(text)': write 'SOURCE DETAIL-TYPE'") }
        return RoutePattern(source: words[0], detailType: words[1])
    }

    /// The bytes of a file, or of standard input for `-`.
    static func content(of path: String) throws -> [UInt8] {
        if path == "-" { return [UInt8](FileHandle.standardInput.readDataToEndOfFile()) }
        do { return [UInt8](try Data(contentsOf: URL(filePath: path))) } catch {
            throw Failure(.settingsUnreadable, path, error.localizedDescription)
        }
    }

    static func files(_ paths: [String]) throws -> [(name: String, content: [UInt8])] {
        try paths.map { ($0, try content(of: $0)) }
    }
}
