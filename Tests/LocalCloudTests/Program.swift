import Foundation
import Synchronization
import Testing

/// A program of its own process, with an environment that makes AWS clients talk to a local cloud.
enum Program {
    struct Outcome: Sendable {
        let status: Int32
        let output: String
        let errors: String
    }

    static func run(_ arguments: [String], endpoint: String) async throws -> Outcome {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging([
            "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL": endpoint, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
            "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "NO_PROXY": "127.0.0.1", "PYTHONDONTWRITEBYTECODE": "1",
        ]) { $1 }
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        async let outputText = text(of: output)
        async let errorText = text(of: errors)
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch {
                process.terminationHandler = nil
                try? output.fileHandleForWriting.close()
                try? errors.fileHandleForWriting.close()
                continuation.resume(throwing: error)
            }
        }
        return Outcome(status: status, output: await outputText, errors: await errorText)
    }

    private static func text(of pipe: Pipe) async -> String {
        let bytes = Mutex(Data())
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            pipe.fileHandleForReading.readabilityHandler = { handle in
                let data = handle.availableData
                guard data.isEmpty else { return bytes.withLock { $0.append(data) } }
                handle.readabilityHandler = nil
                continuation.resume()
            }
        }
        return bytes.withLock { String(decoding: $0, as: UTF8.self) }
    }
}
