import Foundation
import Support
import Testing

/// A program of its own process, with an environment that makes AWS clients talk to a local cloud.
enum Program {
    struct Outcome: Sendable {
        let status: Int32
        let output: String
        let errors: String
    }

    static func run(_ arguments: [String], endpoint: String) async throws -> Outcome {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let (output, errors) = (folder.file("output"), folder.file("errors"))
        let environment = ProcessInfo.processInfo.environment.merging([
            "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL": endpoint, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
            "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "NO_PROXY": "127.0.0.1", "PYTHONDONTWRITEBYTECODE": "1",
        ]) { $1 }
        let process = try ChildProcess(
            arguments, environment: environment, output: .file(output), errors: .file(errors))
        // A thread of its own waits: those of the pool are the cloud's.
        let ending = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: process.end()) }
        }
        guard case .exit(let status)? = ending else {
            process.kill()
            return Outcome(status: -1, output: try text(output), errors: try text(errors))
        }
        return Outcome(status: status, output: try text(output), errors: try text(errors))
    }

    private static func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
}
