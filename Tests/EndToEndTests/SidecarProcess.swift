import Events
import Foundation
import HTTP
import Support
import Testing

/// The real executable in a process of its own, with a configuration of the test's.
final class SidecarProcess {
    private let process = Process()
    private let client = HTTPClient(connections: 4)
    let admin: Int
    let log: String

    /// - Parameters:
    ///   - log: a file that the lines of several lives are appended to.
    ///   - launcher: a command that becomes the sidecar by `exec`, in another time or with another volume.
    init(
        configuration: String, admin: Int, log: String, environment: [String: String] = [:], launcher: [String] = []
    ) throws {
        self.admin = admin
        self.log = log
        if !FileManager.default.fileExists(atPath: log) {
            _ = FileManager.default.createFile(atPath: log, contents: nil)
        }
        let handle = try #require(FileHandle(forWritingAtPath: log))
        try handle.seekToEnd()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = launcher + [Fixtures.products + "/outrigger", "run", configuration]
        process.environment = [
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true", "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "",
        ].merging(environment) { $1 }
        process.standardError = handle
        process.standardOutput = handle
        try process.run()
    }

    var isRunning: Bool { process.isRunning }
    var id: Int32 { process.processIdentifier }

    func hangUp() { signal(SIGHUP) }
    func signal(_ number: Int32) { Foundation.kill(id, number) }

    /// The processes of its handlers.
    var workers: [Int32] {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/task")) ?? []
        return threads.flatMap { thread in
            let list = (try? String(contentsOfFile: "/proc/\(id)/task/\(thread)/children", encoding: .utf8)) ?? ""
            return list.split(separator: " ").compactMap { Int32($0) }
        }
    }

    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// SIGTERM, and the exit status.
    func stop() -> Int32 {
        process.terminate()
        return end()
    }

    /// Waits until it has ended. Its exit status; that of a signal is none.
    func end() -> Int32 {
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -1
    }

    func get(_ path: String) async -> (status: Int, text: String)? {
        let request = HTTPRequest(url: "http://127.0.0.1:\(admin)\(path)", timeout: .seconds(5))
        guard let response = try? await client.send(request) else { return nil }
        return (response.status, String(decoding: response.body, as: UTF8.self))
    }

    func isReady(within limit: Duration = .seconds(60)) async -> Bool {
        await eventually(within: limit) { await get("/readyz")?.status == 200 }
    }

    /// The sum of a metric over all label sets that contain `labels`.
    func metric(_ name: String, _ labels: String = "") async -> Double {
        guard let text = await get("/metrics")?.text else { return 0 }
        return text.split(separator: "\n").reduce(0) { sum, line in
            guard line.hasPrefix(name), line.dropFirst(name.count).first.map({ " {".contains($0) }) == true,
                labels.isEmpty || line.contains(labels), let value = line.split(separator: " ").last
            else { return sum }
            return sum + (Double(value) ?? 0)
        }
    }

    /// What the operator would read.
    var lines: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

    deinit {
        if process.isRunning { kill() }
        client.shutdown()
    }
}
