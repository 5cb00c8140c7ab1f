import Foundation

/// A server of others in a process of its own, which ends with the test process, however that ends.
final class ServerProcess: Sendable {
    /// What it listens on, as it says itself: `http://127.0.0.1:PORT`.
    let endpoint: String
    private let id: Int32
    private let process: Process
    private let lifeline: Pipe

    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter command: one command of `sh`. It says ` Running on http://127.0.0.1:PORT` when it is up.
    init(_ command: String) throws {
        process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        // The shell kills the server when its own input ends, so also when this process was killed.
        let script = """
            \(command) </dev/null & server=$!
            echo "Process $server" >&2
            cat >/dev/null
            kill -9 $server
            """
        process.arguments = ["-c", script]
        lifeline = Pipe()
        process.standardInput = lifeline
        process.standardOutput = FileHandle.nullDevice
        let words = Pipe()
        process.standardError = words
        try process.run()
        try? words.fileHandleForWriting.close()
        (id, endpoint) = try ServerProcess.start(words.fileHandleForReading, command)
        // It writes a line for each request: they are taken, or it would wait for ever.
        words.fileHandleForReading.readabilityHandler = { _ = $0.availableData }
    }

    /// `kill -9`.
    func kill() { Foundation.kill(id, SIGKILL) }

    /// Reads until it is up.
    private static func start(_ words: FileHandle, _ command: String) throws -> (id: Int32, endpoint: String) {
        var text = ""
        func word(after beginning: String) -> String? {
            guard let start = text.range(of: beginning) else { return nil }
            let rest = text[start.upperBound...]
            return rest.firstIndex { $0.isWhitespace }.map { String(rest[..<$0]) }
        }
        while true {
            let more = words.availableData
            text += String(decoding: more, as: UTF8.self)
            if let endpoint = word(after: "Running on "), let id = word(after: "Process ").flatMap({ Int32($0) }) {
                return (id, endpoint)
            }
            if more.isEmpty || text.contains("not found") {
                throw Missing(description: "it does not start; Tests/run installs what tests need: \(command)\n\(text)")
            }
        }
    }
}
