import Cryptography
import Events
import Foundation
import Settings

/// Where the configuration comes from: one file and the environment, read anew for each generation.
struct ConfigurationSource: Sendable {
    /// Absolute.
    let path: String
    let environment: [String: String]

    init(path: String, environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.path = URL(filePath: path).path
        self.environment = environment
    }

    func read() -> (Configuration?, [Problem]) { Configuration.load(path: path, environment: environment) }
}

extension Configuration {
    /// SHA-256 of the resolved configuration, in hexadecimal: names it in logs and dead letters.
    var digest: String { Hash.sha256(Array(resolved.utf8)).hexadecimal }

    /// The files that a generation is made of, beside the configuration.
    var files: [String] {
        let builds = handlers.filter { $0.kind == .plugin }
            .flatMap { [$0.plugin] + ($0.trial.map { [$0.plugin] } ?? []) }
        let schemas = schemas.map { SchemaFolder(path: $0).files } ?? []
        let others = plugins.keys + schemas + [TrialBook.path(in: stateDirectory)]
        return Set(builds.flatMap { [$0, $0 + ".sig"] } + others).sorted()
    }

    /// SHA-256 of the resolved configuration and of the content of each of ``files``, in hexadecimal: a generation with
    /// the same one is the same. Nothing that is touched, moved or mounted anew without a change of content counts.
    var contentDigest: String {
        var hash = SHA256Stream()
        hash.update(Array(digest.utf8))
        for file in files { hash.update(Array("\n\(file) \(Self.contentDigest(of: file))".utf8)) }
        return hash.finish().hexadecimal
    }

    /// A word for what cannot be read, and why not: it differs from every content.
    static func contentDigest(of path: String) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else {
            return FileManager.default.fileExists(atPath: path) ? "denied" : "absent"
        }
        defer { try? file.close() }
        var hash = SHA256Stream()
        do {
            while let part = try file.read(upToCount: 262_144), !part.isEmpty { hash.update([UInt8](part)) }
        } catch { return "no file" }
        return hash.finish().hexadecimal
    }
}
