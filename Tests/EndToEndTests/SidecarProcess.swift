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

    func hangUp() { Foundation.kill(id, SIGHUP) }

    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// SIGTERM, and the exit status.
    func stop() -> Int32 {
        process.terminate()
        process.waitUntilExit()
        return process.terminationStatus
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

    static func freePort() -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(descriptor, address, length) == 0, getsockname(descriptor, address, &length) == 0 else {
                    return 0
                }
                return Int(UInt16(bigEndian: pointer.pointee.sin_port))
            }
        }
    }
}
