import AWS
import Cryptography
@_spi(Verification) import Events
import Foundation
import Glibc
import HTTP
import Pipeline
import PostgreSQL
import Store
import Support
import Synchronization

/// What a store adds to an event: batches of ten are claimed and committed, as a pipeline does it. Of each store how
/// long a batch waits for its claims, for its commit and for both, what it costs this process, and how many round trips
/// it takes.
///
/// The commit waits for the disk, once for a batch or for several that come together. How long that is the machine
/// decides: `fsync off` shows the rest.
struct StoreBenchmark {
    let count: Int
    private static let batch = 10

    func run() async throws {
        print("\nstores: \(count) events in batches of \(Self.batch), milliseconds for a batch (target p50 2 for both)")
        print("                                     claim          commit           both      CPU/event  round  events")
        print("                                   p50    p99     p50    p99     p50    p99      (us)     trips    /s")
        try await sqlite()
        try await postgreSQL()
        try await dynamoDB()
    }

    // MARK: - the stores

    private func sqlite() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "outrigger-benchmark-store").path
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for work in Work.allCases {
            let path = "\(folder)/\(work).db"
            let store = try SQLiteStore.open(StoreOptions(path: path, durability: .durable))
            try await measure("sqlite, \(work.rawValue)", [store], work, trips: nil)
            await store.close()
        }
    }

    private func postgreSQL() async throws {
        let server: PostgreSQLServer
        do { server = try PostgreSQLServer() } catch { return print("  postgresql: \(error)") }
        for (sidecars, work) in [(1, Work.plain), (1, .effects), (4, .plain), (4, .effects)] {
            let words = "postgresql, \(sidecars == 1 ? "1 sidecar" : "4 sidecars"), \(work.rawValue)"
            try await measure(words, on: server, sidecars, work)
        }
        try server.administer("ALTER SYSTEM SET fsync = off; \nSELECT pg_reload_conf();")
        try await measure("postgresql, 1, plain, fsync off", on: server, 1, .plain)
    }

    private func measure(_ words: String, on server: PostgreSQLServer, _ sidecars: Int, _ work: Work) async throws {
        let exchanges = Exchanges()
        let schema = PostgreSQLServer.freshName()
        var stores: [PostgreSQLStore] = []
        for _ in 0..<sidecars {
            let options = PostgreSQLOptions(connection: server.connection(), schema: schema) { event in
                if case .exchanged = event { exchanges.add() }
            }
            stores.append(try await PostgreSQLStore.open(options, clock: MachineClock()))
        }
        try await measure(words, stores, work, trips: exchanges)
        for store in stores { await store.close() }
    }

    private func dynamoDB() async throws {
        guard let server = try? MiniStackServer.shared() else { return print("  dynamodb: no MiniStack") }
        var environment = MotoServer.environment
        environment["AWS_ENDPOINT_URL"] = server.endpoint
        let session = AWSSession(AWSOptions(environment: environment), http: HTTPClient(), clock: MachineClock())
        for work in Work.allCases {
            let table = "benchmark-\(work)"
            try Self.create(table, at: server.endpoint)
            let options = DynamoDBOptions(table: table)
            let store = try await DynamoDBStore.open(options, session, clock: MachineClock())
            let few = StoreBenchmark(count: min(count, 1_000))
            try await few.measure("dynamodb (MiniStack), \(work.rawValue)", [store], work, trips: nil)
            await store.close()
        }
    }

    /// As config/deploy/dynamodb.yaml makes it. MiniStack looks at no signature.
    private static func create(_ table: String, at endpoint: String) throws {
        func call(_ name: String, _ body: String) throws {
            let (status, said) = try Shell.run(
                """
                curl -sS -f -X POST '\(endpoint)' -H 'Content-Type: application/x-amz-json-1.0' \
                -H 'X-Amz-Target: DynamoDB_20120810.\(name)' -H 'Authorization: AWS4-HMAC-SHA256 \
                Credential=testing/20260101/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0' \
                -d '\(body)' 2>&1
                """)
            guard status == 0 else { throw PostgreSQLServer.Missing(description: said) }
        }
        func key(_ hash: String, _ range: String) -> String {
            #"[{"AttributeName":"\#(hash)","KeyType":"HASH"},{"AttributeName":"\#(range)","KeyType":"RANGE"}]"#
        }
        func type(_ name: String, _ type: String) -> String {
            #"{"AttributeName":"\#(name)","AttributeType":"\#(type)"}"#
        }
        let types = [("pk", "S"), ("sk", "S"), ("dp", "S"), ("ds", "N"), ("ep", "S"), ("es", "N")].map(type)
        try call(
            "CreateTable",
            #"""
            {"TableName":"\#(table)","BillingMode":"PAY_PER_REQUEST","KeySchema":\#(key("pk", "sk")),
            "AttributeDefinitions":[\#(types.joined(separator: ","))],"GlobalSecondaryIndexes":[
            {"IndexName":"by-due","KeySchema":\#(key("dp", "ds")),
            "Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["size"]}},
            {"IndexName":"by-event","KeySchema":\#(key("ep", "es")),"Projection":{"ProjectionType":"KEYS_ONLY"}}]}
            """#)
        try call(
            "UpdateTimeToLive",
            #"{"TableName":"\#(table)","TimeToLiveSpecification":{"Enabled":true,"AttributeName":"ttl"}}"#)
    }

    // MARK: - measuring

    private enum Work: String, CaseIterable {
        /// Events that are done, and nothing else.
        case plain
        /// Each reads and writes a key of its own, and publishes an event.
        case effects = "with effects"
    }

    private struct Times: Sendable {
        var claim: [Double] = []
        var commit: [Double] = []

        mutating func add(_ other: Times) {
            claim += other.claim
            commit += other.commit
        }
        var both: [Double] { zip(claim, commit).map { $0 + $1 } }
    }

    private func measure(
        _ words: String, _ stores: [any EventStore], _ work: Work, trips: Exchanges?
    ) async throws {
        for (number, store) in stores.enumerated() {
            _ = try await Self.batches(20, from: -1_000 * (number + 1), on: store, work)
        }
        trips?.reset()
        let batches = max(1, count / Self.batch / stores.count)
        let cpu = Self.microseconds()
        let start = ContinuousClock.now
        let times = try await withThrowingTaskGroup(of: Times.self) { group in
            for (number, store) in stores.enumerated() {
                group.addTask { try await Self.batches(batches, from: number * batches, on: store, work) }
            }
            return try await group.reduce(into: Times()) { $0.add($1) }
        }
        let took = Double((ContinuousClock.now - start).microseconds) / 1e6
        let events = Double(batches * Self.batch * stores.count)
        let figures = [times.claim, times.commit, times.both].map { times in
            String(format: "%6.2f %6.2f", Self.at(0.5, times), Self.at(0.99, times))
        }
        let each = trips.map { String(format: "%6.2f", Double($0.count) / Double(batches * stores.count)) } ?? "     -"
        print(
            "  " + words.padding(toLength: 36, withPad: " ", startingAt: 0) + figures.joined(separator: "  ")
                + String(format: "  %8.0f", (Self.microseconds() - cpu) / events) + "  \(each)"
                + String(format: "  %6.0f", events / took))
    }

    private static func batches(
        _ count: Int, from first: Int, on store: any EventStore, _ work: Work
    ) async throws -> Times {
        var times = Times()
        for number in first..<first + count {
            let now = MachineClock().now
            let requests = (0..<batch).map { request(number * batch + $0, at: now) }
            let start = ContinuousClock.now
            let claims = try await store.claim(requests, at: now)
            let claimed = ContinuousClock.now
            let commitments = zip(requests, claims).compactMap { commitment($0, $1, work, at: now) }
            let results = try await store.commit(commitments, at: now)
            times.claim.append(Double((claimed - start).microseconds) / 1e3)
            times.commit.append(Double((ContinuousClock.now - claimed).microseconds) / 1e3)
            guard results.count == batch, results.allSatisfy({ $0 == .committed }) else {
                throw Failure(.storeUnavailable, "batch \(number)", "\(results)")
            }
        }
        return times
    }

    private static func request(_ number: Int, at now: Instant) -> ClaimRequest {
        let digest = Hash.sha256(Array("\(number)".utf8))
        let event = Event(
            id: EventID(issuer: "sigsvc-2025-09", text: "0195c7e2-\(digest.hexadecimal.prefix(28))"),
            tokenDigest: digest, payloadDigest: digest, source: "qsl.treasury", detailType: "Payment.Settled.v1",
            resource: "urn:qsl:treasury:payment:\(number)", detail: Bytes(repeating: 0x20, count: 600),
            keyID: "sigsvc-2025-09", signedAt: now, isBound: true,
            trace: Event.Trace(correlationID: "corr-\(digest.hexadecimal.prefix(32))", userID: "u", tenantID: "t"))
        return ClaimRequest(
            consumer: QueueName("payments"), messageID: MessageID("m-\(number)"), event: event,
            handler: HandlerID("treasury"), businessKey: nil, sentAt: now,
            rules: AgeRules(maximumAge: .hours(25), window: .days(5)), lease: .seconds(30))
    }

    private static func commitment(
        _ request: ClaimRequest, _ claim: Claim, _ work: Work, at now: Instant
    ) -> Commitment? {
        guard case .granted(let lease, let history) = claim else { return nil }
        let id = request.event.id.text
        let effects = work == .plain
            ? Effects.none
            : Effects(
                reads: [StateRead(key: Bytes(id.utf8), version: 0)],
                writes: [StateWrite(key: Bytes(id.utf8), value: Bytes(repeating: 1, count: 200), expected: 0)],
                drafts: [
                    Draft(
                        source: "qsl.treasury", detailType: "Payment.Booked.v1", resource: request.event.resource,
                        correlationID: "", detail: Bytes(#"{"amount":"1.00","note":"as asked"}"#.utf8))
                ])
        return Commitment(
            lease: lease, verdict: .done(effects), history: history, keepUntil: now + .days(5), generation: 1,
            run: RunRecord(deliveries: 1, waited: .milliseconds(2), took: .milliseconds(3)))
    }

    private static func at(_ share: Double, _ times: [Double]) -> Double {
        let sorted = times.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    private static func microseconds() -> Double { Machine.microseconds(of: getpid()) }
}

/// Counts round trips.
private final class Exchanges: Sendable {
    private let number = Mutex(0)
    func add() { number.withLock { $0 += 1 } }
    func reset() { number.withLock { $0 = 0 } }
    var count: Int { number.withLock { $0 } }
}

private struct MachineClock: WallClock {
    var now: Instant { Instant(unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1_000)) }
}

extension Duration {
    fileprivate var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}
