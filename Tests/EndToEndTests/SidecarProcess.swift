import Events
import Foundation
import HTTP
import Support
import Testing

/// The real executable in a process of its own, with a configuration of the test's.
final class SidecarProcess {
    private let process: ChildProcess
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
        let variables = [
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true", "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "",
        ].merging(environment) { $1 }
        process = try ChildProcess(
            launcher + [Fixtures.products + "/outrigger", "run", configuration], environment: variables,
            output: .file(log), errors: .file(log))
    }

    var isRunning: Bool { process.isRunning }
    var id: Int32 { process.id }

    func hangUp() { signal(SIGHUP) }
    func signal(_ number: Int32) { process.signal(number) }

    /// The processes of its handlers.
    var workers: [Int32] {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/task")) ?? []
        return threads.flatMap { thread in
            let list = (try? String(contentsOfFile: "/proc/\(id)/task/\(thread)/children", encoding: .utf8)) ?? ""
            return list.split(separator: " ").compactMap { Int32($0) }
        }
    }

    func kill() {
        signal(SIGKILL)
        _ = end()
    }

    /// SIGTERM, and the exit status.
    func stop(_ place: SourceLocation = #_sourceLocation) -> Int32 {
        signal(SIGTERM)
        return end(place)
    }

    /// Waits until it has ended. Its exit status; that of a signal is none.
    func end(_ place: SourceLocation = #_sourceLocation) -> Int32 {
        guard let ending = process.end(within: .seconds(120)) else {
            Issue.record("the sidecar has not ended: \(lines.suffix(3000))", sourceLocation: place)
            process.kill()
            return -1
        }
        return if case .exit(let status) = ending { status } else { -1 }
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
        if isRunning { kill() }
        client.shutdown()
    }
}
