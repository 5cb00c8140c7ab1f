import Events
import Foundation
import Glibc
import ServiceLifecycle

/// The service next door of `outrigger dev`: `ledger-service`, a program of its own beside this one.
struct LedgerProcess: Service {
    static let program = Installation.path("ledger-service")
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: program) }

    /// What the configuration calls it.
    static let name = "ledger"

    let home: DevHome

    /// Runs it until it is told to stop.
    /// - Throws: `call.unavailable` if it ends in another way.
    func run() async throws {
        let process = Process()
        process.executableURL = URL(filePath: Self.program)
        // One network never confirms: the story is about that.
        process.arguments = [
            "--socket", home.path("ledger.sock"), "--database", home.path("ledger.db"), "--network", "polygon=silent",
            "--end-with-input",
        ]
        process.environment = [:]
        let log = try FileHandle(forWritingTo: home.emptyFile("ledger.log"))
        // Its input ends with this process, however that ends.
        let input = Pipe()
        (process.standardInput, process.standardOutput, process.standardError) = (input, log, log)
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        process.terminationHandler = { _ in end.finish() }
        try process.run()
        let id = process.processIdentifier
        await withTaskCancellationOrGracefulShutdownHandler {
            for await _ in ends {}
            withExtendedLifetime(input) {}
        } onCancelOrGracefulShutdown: {
            kill(id, SIGTERM)
        }
        // Interrupted at the terminal it ends as we do, and may be first.
        guard Task.isCancelled || process.terminationStatus == 0 else {
            throw Failure(.callUnavailable, "ledger-service", "it has ended; see \(home.path("ledger.log"))")
        }
    }

    /// Waits until it listens, for ten seconds: it only opens its database.
    func isListening() async throws {
        for _ in 0..<100 where !FileManager.default.fileExists(atPath: home.path("ledger.sock")) {
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
