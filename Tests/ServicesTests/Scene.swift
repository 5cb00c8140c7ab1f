import Events
import Foundation
import HTTP
import Pipeline
import Services
import Support
import Synchronization
import Testing

/// Time as a test wants it.
final class ManualClock: WallClock {
    private let time = Mutex(Instant(unixSeconds: 1_700_000_000))
    var now: Instant { time.withLock { $0 } }
    func pass(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
}

/// Remembers what happened with services, in words.
final class ServiceRecorder: ServiceObserver {
    private let words = Mutex<[String]>([])
    var events: [String] { words.withLock { $0 } }
    func forget() { words.withLock { $0 = [] } }

    func note(_ event: ServiceEvent, of service: String) {
        let word: String =
            switch event {
            case .answered(let handler, let status, _): "\(handler) \(status)"
            case .failed(let handler, let failure, _): "\(handler) \(failure.code.rawValue)"
            case .refused(let handler, let failure): "\(handler) refused: \(failure.cause)"
            case .appeared: "appeared"
            case .circuit(let state): "\(state.name.rawValue)"
            case .gone: "gone"
            }
        words.withLock { $0.append("\(service): \(word)") }
    }
}

/// A directory with one service, `ledger`, on a Unix socket of a folder of its own.
struct Scene {
    let folder: TemporaryFolder
    let clock = ManualClock()
    let recorder = ServiceRecorder()
    let directory: ServiceDirectory
    private let client = HTTPClient()

    var socket: String { folder.file("api.sock") }

    init() throws {
        folder = try TemporaryFolder()
        directory = ServiceDirectory(client: client, clock: clock, observer: recorder)
        become()
        recorder.forget()
    }

    func become(
        timeout: Duration = .seconds(20), concurrency: Int = 16, failures: Int = 1_000, open: Duration = .seconds(5)
    ) {
        directory.become([
            ServiceOptions(
                name: "ledger", socket: socket, timeout: timeout, concurrency: concurrency,
                breaker: .init(failures: failures, open: open))
        ])
    }

    func serve(_ handler: @escaping TestServer.Handler) throws -> TestServer {
        try? FileManager.default.removeItem(atPath: socket)
        return try TestServer(unixSocket: socket, handler: handler)
    }

    func result(_ call: ServiceCall) async -> Result<ServiceAnswer, Failure> {
        do throws(Failure) { return .success(try await directory.call(call)) } catch { return .failure(error) }
    }

    /// The status, or the code of the failure.
    func word(_ call: ServiceCall = .test()) async -> String {
        switch await result(call) {
        case .success(let answer): "\(answer.status)"
        case .failure(let failure): failure.code.rawValue
        }
    }
}

/// Opened once; who waits for it, goes on then. For threads of a test server.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func open() { semaphore.signal() }
    func wait() {
        semaphore.wait()
        semaphore.signal()
    }
}
