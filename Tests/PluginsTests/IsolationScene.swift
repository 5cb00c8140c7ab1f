import Events
import Foundation
import Glibc
@testable import Plugins
import Support

/// What hostile handlers attack: a file for each place that they attack from, a socket, a message queue, a process.
final class IsolationScene {
    let folder: TemporaryFolder
    private let neighbour = Process()
    private let sockets: [Int32]
    private let queue: Int32

    static let places = ["load", "create", "handle"]

    init() throws {
        folder = try TemporaryFolder()
        for place in Self.places {
            try FileManager.default.createDirectory(atPath: folder.file(place), withIntermediateDirectories: true)
            try Data("secret".utf8).write(to: URL(filePath: folder.file("\(place)/token")))
        }
        neighbour.executableURL = URL(filePath: "/bin/sleep")
        neighbour.arguments = ["600"]
        neighbour.standardOutput = FileHandle.nullDevice
        neighbour.standardError = FileHandle.nullDevice
        try neighbour.run()
        let path = folder.file("s")
        sockets = [Self.listen(path, isAbstract: false), Self.listen(path, isAbstract: true)]
        queue = msgget(IPC_PRIVATE, 0o600)
        for _ in Self.places {
            var message = [1, 0]
            msgsnd(queue, &message, 8, 0)
        }
    }

    deinit {
        kill(neighbour.processIdentifier, SIGKILL)
        for socket in sockets { close(socket) }
        msgctl(queue, IPC_RMID, nil)
    }

    private static func listen(_ path: String, isAbstract: Bool) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let shift = isAbstract ? 1 : 0
        withUnsafeMutableBytes(of: &address.sun_path) { $0[shift...].copyBytes(from: path.utf8) }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + shift + path.utf8.count)
        let error = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        precondition(error == 0 && Glibc.listen(descriptor, 64) == 0)
        return descriptor
    }

    /// For a handler that attacks from wherever it can.
    var environment: [String: String] {
        [
            "HOSTILE_LOAD": "attack", "HOSTILE_SIDECAR": "\(getpid())", "HOSTILE_USER": "\(getuid())",
            "HOSTILE_NEIGHBOUR": "\(neighbour.processIdentifier)", "HOSTILE_FOLDER": folder.path,
            "HOSTILE_SOCKET": folder.file("s"), "HOSTILE_QUEUE": "\(queue)",
        ]
    }

    /// The tokens that are still as they were.
    var tokens: [String] {
        Self.places.filter { (try? String(contentsOfFile: folder.file("\($0)/token"), encoding: .utf8)) == "secret" }
    }

    /// Loads a handler that attacks, and lets it handle one event.
    /// - Returns: for each place and attack the errno, 0 for a success.
    func attack(_ mode: HandlerOptions.Sandbox) async throws -> (SandboxReport, [String: [String: Int32]]) {
        var found: [String: [String: Int32]] = [:]
        var report: SandboxReport?
        let change: (inout HandlerOptions) -> Void = {
            $0.sandbox = mode
            $0.environment = self.environment
        }
        try await TestHost.with("hostile", of: "hostile", bounds: Self.bounds, change) { test, profile in
            report = profile.sandbox
            let writes = try await test.run("hostile", do: "attack").effects?.writes ?? []
            for write in writes {
                for line in (write.value?.text ?? "").split(separator: "\n") {
                    let words = line.split(separator: " ").map(String.init)
                    found[write.key.text, default: [:]][words[0]] = Int32(words[1])
                }
            }
        }
        guard let report else { throw CancellationError() }
        return (report, found)
    }

    /// A user for each handler, where we may set one.
    static var bounds: WorkerBounds { WorkerBounds(users: getuid() == 0 ? 61_184...61_247 : nil) }
}
