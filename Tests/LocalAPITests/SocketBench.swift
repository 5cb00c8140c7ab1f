import Events
import Foundation
import HTTP
import Hummingbird
import JSON
import Logging
import Pipeline
import Support
import Synchronization

@testable import LocalAPI

/// One socket with the operators' routes and a few of the tests' own, in a folder whose path is short enough for a
/// socket and open to every user.
final class SocketBench: Sendable {
    let folder: String
    let socket: String
    let peers: PeerBook
    let operations = ScriptedOperations()
    let answers = Answers()
    /// Requests to `/slow` end when this does.
    let gate = Gate()
    private let kind: SocketKind
    private let timing: Reception.Timing
    private let bodyTime: Duration
    private let clock: any WallClock

    init(
        _ kind: SocketKind = .admin, peers policy: PeerPolicy? = nil, timing: Reception.Timing = .init(),
        bodyTime: Duration = Limits.apiRequestTime, clock: any WallClock = MachineClock(),
        isWorker: @escaping @Sendable (Int32) -> Bool = { _ in false }
    ) {
        var template = Array("/tmp/or.XXXXXX".utf8CString)
        folder = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
        chmod(folder, 0o755)
        socket = folder + "/api.sock"
        self.kind = kind
        self.timing = timing
        self.bodyTime = bodyTime
        self.clock = clock
        peers = PeerBook(policy ?? .of([PeerPolicy.ownUser(geteuid())]), isWorker: isWorker)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func place(mode: UInt32 = 0o666) -> SocketPlace { SocketPlace(path: socket, mode: mode, group: nil) }

    func server(mode: UInt32 = 0o666) throws -> SocketServer {
        let routes = Routes()
        OperateRoutes(operations: operations).add(to: routes.router)
        IndexRoutes(routes: routes.list).add(to: routes.router)
        routes.router.post("/echo") { [bodyTime] request, context in
            try context.require(.read)
            let body = try await collectBody(request, limit: context.limits.bounds.body, within: bodyTime)
            return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
        }
        routes.router.get("/slow") { [gate] _, _ in
            await gate.pass()
            return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: "done")))
        }
        routes.router.get("/stream") { _, context in
            let permit = try context.limits.openStream()
            return Response(
                status: .ok,
                body: ResponseBody { [gate = self.gate] writer in
                    defer { withExtendedLifetime(permit) {} }
                    try await writer.write(ByteBuffer(string: "first\n"))
                    await gate.pass()
                    try await writer.finish(nil)
                })
        }
        routes.router.get("/fails") { _, _ -> Response in throw Failure(.storeUnavailable, "disk", "no writes") }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let desk = RequestDesk(
            peers: peers, responder: routes.responder(), logger: logger, observer: answers,
            date: AnswerDate(clock: clock))
        return try SocketServer(kind, at: place(mode: mode), desk, timing: timing, logger: logger)
    }

    /// Runs a server for as long as `body` takes.
    func serving(mode: UInt32 = 0o666, _ body: @escaping @Sendable (SocketServer) async throws -> Void) async throws {
        let server = try server(mode: mode)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { gate.open() }
            try await body(server)
            gate.open()
            group.cancelAll()
        }
    }

    /// By our own client.
    func ask(
        _ method: String, _ path: String, headers: [HTTPHeader] = [], body: Bytes = []
    ) async throws -> HTTP.HTTPResponse {
        let client = HTTPClient(connections: 1)
        defer { client.shutdown() }
        return try await client.send(
            HTTP.HTTPRequest(
                method: method, url: "http://localhost" + path, headers: headers, body: body, unixSocket: socket))
    }

    /// `curl -sS -i` with these arguments, as another user where one is given.
    func curl(_ arguments: String, user: UInt32? = nil, group: UInt32? = nil, groups: [UInt32] = []) async throws
        -> (status: Int32, output: String)
    {
        let list = groups.isEmpty ? "--clear-groups" : "--groups \(groups.map(String.init).joined(separator: ","))"
        let become = user.map { "setpriv --reuid \($0) --regid \(group ?? $0) \(list) " } ?? ""
        return try await shell("\(become)curl -sS -i -m 20 --unix-socket \(socket) \(arguments)")
    }
}

/// Runs a script on a thread of its own: the servers under test need the others.
func shell(_ script: String) async throws -> (status: Int32, output: String) {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try Shell.run(script) }) }
    }
}

extension PeerPolicy {
    static func of(_ grants: [Grant], rate: Int = 100_000, body: Int = 65_536, streams: Int = 2) -> PeerPolicy {
        PeerPolicy(grants: grants, rate: rate, body: body, streams: streams)
    }
}

extension HTTP.HTTPResponse {
    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONValue { (try? JSONValue.parse(body)) ?? .null }
    var code: String { json["code"]?.string ?? "" }
}

/// Closed until it is opened, once.
final class Gate: Sendable {
    private let arrivals = AsyncStream<Void>.makeStream()
    private let waiting = Mutex<[CheckedContinuation<Void, Never>]?>([])

    func pass() async {
        await withCheckedContinuation { next in
            let isOpen = waiting.withLock { waiting in
                waiting?.append(next)
                return waiting == nil
            }
            arrivals.continuation.yield()
            if isOpen { next.resume() }
        }
    }

    /// Returns when the next one stands before it.
    func someoneWaits() async {
        for await _ in arrivals.stream { return }
    }

    func open() {
        let all = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting ?? []
        }
        for next in all { next.resume() }
    }
}

/// What the observer heard.
final class Answers: APIObserver {
    struct Answer: Equatable {
        let peer: String
        let status: Int
        let code: FailureCode?
    }
    private let heard = Mutex<[Answer]>([])
    var all: [Answer] { heard.withLock { $0 } }
    func answered(_ socket: SocketKind, peer: String, status: Int, failure: Failure?) {
        heard.withLock { $0.append(Answer(peer: peer, status: status, code: failure?.code)) }
    }
}

/// A sidecar whose generation is `digest`, and whose reloads end as the test says.
final class ScriptedOperations: Operations {
    static let digest = String(repeating: "0123456789abcdef", count: 4)
    let next = Mutex<ReloadReport>(.unchanged(digest: digest, needsRestart: []))

    func status() async -> StatusReport {
        var status = StatusReport(
            version: "9.9.9", now: Instant(unixSeconds: 1_800_000_000), since: Instant(unixSeconds: 1_799_990_000),
            problems: ["queue orders: paused"],
            generation: StatusReport.Generation(
                number: 3, since: Instant(unixSeconds: 1_799_999_000), digest: Self.digest, configuration: "c0ffee",
                alive: [2, 3], needsRestart: ["store.path"]),
            sandbox: "required")
        status.lastReload = StatusReport.Attempt(
            trigger: "change", at: Instant(unixSeconds: 1_799_999_500), result: "refused",
            failure: Failure(.pluginPin, "libbilling.so", "another digest"))
        var queue = StatusReport.Queue(name: "orders", handlers: ["billing"])
        (queue.messages, queue.bytes, queue.oldest) = (12, 34_567, .milliseconds(890))
        queue.paused = Failure(.receiveDenied, "orders", "")
        status.queues = [queue]
        status.outbox = StatusReport.Outbox(rows: 2, bytes: 900, oldest: Instant(unixSeconds: 1_799_999_990))
        status.store = [("bytes", 4_096), ("ledger", 7)]
        status.trials = [StatusReport.Trial(handler: "billing", kind: "canary", plugin: "/b.so", verdict: nil)]
        status.services = [StatusReport.Service(name: "ledger", circuit: "open")]
        return status
    }

    func handlers() async -> [HandlerReport] {
        [
            HandlerReport(
                id: "billing", plugin: "billing", version: "1.2.3", digest: Self.digest, generation: 3,
                routes: [("com.example.orders", "Order.*.v1")], workers: 2, isReused: true,
                sandbox: ["seccomp": true, "landlock": false])
        ]
    }

    func reload(ifMatch expected: String?) async -> ReloadReport {
        if let expected, expected != Self.digest {
            return .refused(Failure(.settingsNotCurrent, "generation \(expected)", "another one serves"), [])
        }
        return next.withLock { $0 }
    }

    func configuration() async -> ConfigurationReport {
        ConfigurationReport(digest: Self.digest, settings: ["sandbox": "required", "log": ["level": "info"]])
    }
}
