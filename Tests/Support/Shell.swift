import Foundation

/// Runs other people's tools: the reference implementations that our formats are checked against.
public enum Shell {
    /// Runs a script with `sh`.
    /// - Returns: its exit status, and everything that it said.
    public static func run(_ script: String) throws -> (status: Int32, output: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", script]
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
