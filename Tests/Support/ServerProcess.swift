import Foundation

/// A server of others in a process of its own, which ends with the test process, however that ends.
final class ServerProcess: Sendable {
    /// What it listens on, as it says itself: `http://127.0.0.1:PORT`.
    let endpoint: String
    private let process: ChildProcess

    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter command: it says ` Running on http://127.0.0.1:PORT` when it is up.
    init(_ command: [String]) throws {
        process = try ChildProcess(command, errors: .pipe)
        endpoint = try ServerProcess.start(process, command)
        guard let words = process.output else { return }
        // It writes a line for each request: they are taken, or it would wait for ever.
        Thread.detachNewThread { while words.read(within: .seconds(60)) != .end {} }
    }

    /// `kill -9`.
    func kill() {
        process.kill()
        _ = process.end()
    }

    /// Reads until it is up.
    private static func start(_ process: ChildProcess, _ command: [String]) throws -> String {
        var text = ""
        while case .bytes(let bytes)? = process.output?.read(within: .seconds(60)) {
            text += String(decoding: bytes, as: UTF8.self)
            guard let start = text.range(of: "Running on ") else { continue }
            let rest = text[start.upperBound...]
            if let end = rest.firstIndex(where: { $0.isWhitespace }) { return String(rest[..<end]) }
        }
        process.kill()
        let words = command.joined(separator: " ")
        throw Missing(description: "it does not start; Tests/run installs what tests need: \(words)\n\(text)")
    }
}
