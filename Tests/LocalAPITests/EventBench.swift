import Events
import Foundation
import HTTP
import Hummingbird
import JSON
import Logging
import Pipeline
import Store
import StoreCommon
import Support

@testable import LocalAPI

/// The event routes on a real socket, over a real store.
final class EventBench: Sendable {
    let folder: String
    let socket: String
    let store: SQLiteStore
    private let kind: SocketKind
    private let peers: PeerBook
    private let publishes: Bool
    private let schemas: EventSchemas
    private let timing: EventStream.Timing
    private let standing: [Standing]

    /// What the caller may: everything of `test.*` signed, and everything seen, unless told otherwise.
    static func grant(
        publish: [String] = ["test.*"], sources: [String] = [], tenants: [String] = [],
        roles: Set<Role> = Set(Role.allCases)
    ) -> Grant {
        Grant(
            name: "tests", users: [geteuid()], groups: [], roles: roles,
            publish: publish.map { PublishGrant(source: NamePattern($0), detailTypes: [NamePattern("*")]) },
            sources: sources.map { NamePattern($0) }, tenants: tenants)
    }

    init(
        _ kind: SocketKind = .service, grant: Grant = EventBench.grant(), publishes: Bool = true,
        schemas: EventSchemas = .none, timing: EventStream.Timing = .init(), outbox: OutboxLimits? = nil,
        standing: [Standing] = []
    ) async throws {
        var template = Array("/tmp/or.XXXXXX".utf8CString)
        folder = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
        socket = folder + "/api.sock"
        store = try SQLiteStore.open(StoreOptions(path: folder + "/outrigger.db", durability: .durable, lowWater: 0))
        if let outbox { await store.limitOutbox(outbox) }
        self.kind = kind
        self.publishes = publishes
        self.schemas = schemas
        self.timing = timing
        self.standing = standing
        peers = PeerBook(.of([grant]), isWorker: { _ in false })
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Serves for as long as `body` takes.
    func serving(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let publishing = publishes
            ? Publishing(
                intake: store, schemas: { [schemas] in schemas }, size: { 4_000 + $0.draft.detail.count * 7 / 3 }) : nil
        var events = EventRoutes(
            journal: store, publishing: publishing, standing: { [standing] _ in standing }, keep: { .hours(24) },
            clock: MachineClock())
        events.timing = timing
        let routes = LocalAPI.routes(ScriptedOperations(), events, ScriptedOffice(), ScriptedReplays())
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let desk = RequestDesk(
            peers: peers, responder: routes.responder(), logger: logger, observer: Answers(),
            date: AnswerDate(clock: MachineClock()))
        let server = try SocketServer(
            kind, at: SocketPlace(path: socket, mode: 0o600, group: nil), desk, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            try await body()
            group.cancelAll()
        }
        await store.close()
    }

    // MARK: - callers

    func ask(
        _ method: String, _ path: String, _ headers: [(String, String)] = [], body: String = ""
    ) async throws -> HTTP.HTTPResponse {
        let client = HTTPClient(connections: 1)
        defer { client.shutdown() }
        return try await client.send(
            HTTP.HTTPRequest(
                method: method, url: "http://localhost" + path, headers: headers.map { HTTPHeader($0.0, $0.1) },
                body: Bytes(body), unixSocket: socket))
    }

    func publish(
        _ body: String, type: String = "application/json", key: String? = nil, _ headers: [(String, String)] = []
    ) async throws -> HTTP.HTTPResponse {
        let key = key.map { [("Idempotency-Key", $0)] } ?? []
        return try await ask("POST", "/v1/events", [("Content-Type", type)] + key + headers, body: body)
    }

    static func event(_ correlation: String, n: Int = 0, tenant: String = "", source: String = "test.out") -> String {
        """
        {"source":"\(source)","detailType":"Done.v1","resource":"urn:\(correlation)",\
        "trace":{"correlationId":"\(correlation)","tenantId":"\(tenant)","userId":"user \(n % 2)"},\
        "detailCore":{"n":\(n)}}
        """
    }

    /// Everything in the outbox goes to a bus that takes it.
    func relay() async throws {
        let now = MachineClock().now
        while true {
            let due = try await store.due(atMost: 10, excluding: [], at: now + .seconds(1))
            if due.isEmpty { return }
            try await store.settle(due.map { PublicationResult(row: $0.row, end: .sent) }, at: now)
        }
    }
}

struct MachineClock: WallClock {
    var now: Instant { Instant(unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
}

extension HTTP.HTTPResponse {
    var ids: [String] { (json["events"]?.array ?? []).compactMap { $0["id"]?.string } }
    var rows: [JSONValue] { json["rows"]?.array ?? [] }
}
