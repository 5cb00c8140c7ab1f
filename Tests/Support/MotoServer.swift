import Foundation

/// A real server of SQS, EventBridge, STS and more that others wrote: Moto, as a process of its own on loopback.
///
/// One for all tests of a run. It ends with the test process, however that ends.
public final class MotoServer: Sendable {
    /// `http://127.0.0.1:PORT`.
    public let endpoint: String
    private let process: Process
    private let lifeline: Pipe

    /// What to pass as credentials: Moto takes any.
    public static let environment = [
        "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    ]

    private static let one = Result { try MotoServer() }

    /// Started by the first test that asks.
    public static func shared() throws -> MotoServer { try one.get() }

    public struct Missing: Error, CustomStringConvertible {
        public let description: String
    }

    private init() throws {
        process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        // The shell kills the server when its own input ends, so also when this process was killed.
        process.arguments = ["-c", "moto_server -H 127.0.0.1 -p 0 & server=$!; cat; kill -9 $server"]
        lifeline = Pipe()
        process.standardInput = lifeline
        process.standardOutput = FileHandle.nullDevice
        let words = Pipe()
        process.standardError = words
        try process.run()
        try? words.fileHandleForWriting.close()
        endpoint = try MotoServer.endpoint(in: words.fileHandleForReading)
        // It writes a line for each request: they are taken, or it would wait for ever.
        words.fileHandleForReading.readabilityHandler = { _ = $0.availableData }
    }

    /// Reads up to ` * Running on http://127.0.0.1:PORT`.
    private static func endpoint(in words: FileHandle) throws -> String {
        var text = ""
        while true {
            let more = words.availableData
            text += String(decoding: more, as: UTF8.self)
            if let start = text.range(of: "Running on "), let end = text[start.upperBound...].firstIndex(of: "\n") {
                return text[start.upperBound..<end].trimmingCharacters(in: .whitespaces)
            }
            if more.isEmpty || text.contains("not found") {
                throw Missing(description: "moto_server does not start; Tests/run installs what tests need: \(text)")
            }
        }
    }
}
