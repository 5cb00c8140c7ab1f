import Foundation

/// Runs other people's tools: the reference implementations that our formats are checked against.
public enum Shell {
    /// A script that did not come to its end in its time, or to no end of what it had started.
    public struct Endless: Error, CustomStringConvertible {
        public let description: String
    }

    /// Runs a script with `sh`, which leaves nothing running.
    /// - Returns: its exit status, that of a signal being none, and everything that it said.
    public static func run(
        _ script: String, within limit: Duration = .seconds(300)
    ) throws -> (status: Int32, output: String) {
        let process = try ChildProcess(["sh", "-c", script], output: .pipe, errors: .pipe, leavesNothing: true)
        let deadline = ContinuousClock.now + limit
        var said: [UInt8] = []
        reading: while let output = process.output {
            // Somebody in a group of his own may have its outputs for longer than it lives.
            let hasEnded = !process.isRunning
            switch output.read(within: hasEnded ? .zero : .milliseconds(200)) {
            case .bytes(let bytes): said += bytes
            case .end: break reading
            case .silence: if hasEnded || ContinuousClock.now > deadline { break reading }
            }
        }
        let text = String(decoding: said, as: UTF8.self)
        guard let ending = process.end(within: max(deadline - .now, .zero)) else {
            process.kill()
            throw Endless(description: "not ended in \(limit): \(script.suffix(500))\nIt said: \(text.suffix(2_000))")
        }
        guard process.leftovers.isEmpty else {
            let names = process.leftovers.joined(separator: ", ")
            throw Endless(description: "left \(names) running: \(script.suffix(500))\nIt said: \(text.suffix(2_000))")
        }
        return if case .exit(let status) = ending { (status, text) } else { (-1, text) }
    }
}
