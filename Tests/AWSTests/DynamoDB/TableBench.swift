import Events
import Foundation
import HTTP
import JSON
import Pipeline
import StoreCommon
import StoreConformance
import Support
import Synchronization

@testable import AWS

/// A table of a test's own on a server of others, and up to two sidecars that share it.
final class TableBench: StoreUnderTest {
    private struct State {
        var store: DynamoDBStore
        var second: DynamoDBStore?
    }

    let table: String
    let clock: any WallClock
    let session: AWSSession
    private let patience: Duration
    private let proxy: CuttingProxy?
    private let state: Mutex<State>

    /// - Parameters:
    ///   - isCut: whether the connections of `store` can be cut: then no call is tried again.
    init(_ clock: any WallClock, at endpoint: String, isCut: Bool = false) async throws {
        table = "t-\(UInt64.random(in: 0 ... .max))"
        self.clock = clock
        patience = isCut ? .zero : .seconds(20)
        proxy = isCut ? try CuttingProxy(to: endpoint) : nil
        session = .table(at: endpoint)
        let own = proxy.map { AWSSession.table(at: $0.url) } ?? session
        try await TableBench.create(table, session)
        state = Mutex(State(store: try await TableBench.open(table, own, clock, patience)))
    }

    private static func open(
        _ table: String, _ session: AWSSession, _ clock: any WallClock, _ patience: Duration
    ) async throws -> DynamoDBStore {
        let options = DynamoDBOptions(table: table, skew: .seconds(1), patience: patience, keepsPayloads: true)
        return try await DynamoDBStore.open(options, session, clock: clock)
    }

    // MARK: - the table

    /// As config/deploy/dynamodb.yaml makes it.
    static func create(
        _ table: String, _ session: AWSSession, indexes: [Query.Index] = Query.Index.allCases, ttl: String? = "ttl"
    ) async throws {
        let client = TableClient(session: session, table: table, patience: .seconds(20))
        func key(_ hash: String, _ range: String) -> JSONValue {
            [
                ["AttributeName": .string(hash), "KeyType": "HASH"],
                ["AttributeName": .string(range), "KeyType": "RANGE"],
            ]
        }
        var types = ["pk": "S", "sk": "S"]
        for index in indexes { (types[index.partition], types[index.sort]) = ("S", "N") }
        var members = [
            JSONMember("TableName", .string(table)), JSONMember("BillingMode", "PAY_PER_REQUEST"),
            JSONMember("KeySchema", key("pk", "sk")),
            JSONMember(
                "AttributeDefinitions",
                .array(
                    types.map { ["AttributeName": .string($0.key), "AttributeType": .string($0.value)] })),
        ]
        if !indexes.isEmpty {
            members.append(
                JSONMember(
                    "GlobalSecondaryIndexes",
                    .array(
                        indexes.map { index in
                            let projection: JSONValue =
                                index == .due
                                ? ["ProjectionType": "INCLUDE", "NonKeyAttributes": ["size"]]
                                : ["ProjectionType": "KEYS_ONLY"]
                            return [
                                "IndexName": .string(index.rawValue), "KeySchema": key(index.partition, index.sort),
                                "Projection": projection,
                            ]
                        })))
        }
        _ = try await client.call("CreateTable", members)
        if let ttl { try await enableTimeToLive(client, on: ttl) }
    }

    static func enableTimeToLive(_ client: TableClient, on attribute: String) async throws {
        _ = try await client.call(
            "UpdateTimeToLive",
            [
                JSONMember("TableName", .string(client.table)),
                JSONMember("TimeToLiveSpecification", ["Enabled": true, "AttributeName": .string(attribute)]),
            ])
    }

    var client: TableClient { TableClient(session: session, table: table, patience: .seconds(20)) }

    func items() async throws -> [Item] {
        let reply = try await client.call(
            "Scan", [JSONMember("TableName", .string(table)), JSONMember("ConsistentRead", true)])
        precondition(reply.root["LastEvaluatedKey"] == nil)
        return reply.root["Items"]?.elements.compactMap(Item.init) ?? []
    }

    // MARK: - StoreUnderTest

    var dynamo: DynamoDBStore { state.withLock { $0.store } }
    var store: any EventStore { dynamo }

    func second() async throws -> (any EventStore)? {
        if let second = state.withLock({ $0.second }) { return second }
        let second = try await TableBench.open(table, session, clock, patience)
        state.withLock { $0.second = second }
        return second
    }

    func restart() async throws {
        await dynamo.close()
        let own = proxy.map { AWSSession.table(at: $0.url) } ?? session
        let opened = try await TableBench.open(table, own, clock, patience)
        state.withLock { $0.store = opened }
    }

    /// Leases go by the clock of the test.
    func elapse(_ time: Duration) async throws {}

    /// What DynamoDB itself does, some time in two days, and Moto never.
    func sweep(at now: Instant) async throws -> Int {
        var count = 0
        for item in try await items() {
            let over = item.integer("ttl").map { Instant(unixSeconds: $0) <= now } ?? false
            let end = item.instant("keepUntil") ?? item.instant("expires")
            guard end.map({ $0 <= now }) ?? (over && TableLayout.boot(of: item.key) != nil) else { continue }
            _ = try await client.write(Write(item.key, .delete))
            count += 1
        }
        return count
    }

    func cut(_ place: Cut) async throws -> Bool {
        proxy?.arm(place)
        return proxy != nil
    }

    func isJournalWhole() async throws -> Bool { try await dynamo.audit().breaks.isEmpty }

    func damage(_ damage: Damage) async throws {
        let rows = try await items().filter { TableLayout.boot(of: $0.key) != nil }.sorted { $0.key.sort < $1.key.sort }
        let write =
            switch damage {
            case .change: Write(rows[1].key, .update("SET #outcome = :word", [":word": .text("retry")]))
            case .gap: Write(rows[1].key, .delete)
            case .beginning: Write(rows[0].key, .delete)
            case .tail: Write(rows[3].key, .delete)
            }
        _ = try await client.write(write)
    }

    func close() async {
        await dynamo.close()
        await state.withLock({ $0.second })?.close()
    }
}

extension AWSSession {
    static func table(at endpoint: String) -> AWSSession {
        var environment = MotoServer.environment
        environment["AWS_ENDPOINT_URL"] = endpoint
        return AWSSession(AWSOptions(environment: environment), http: HTTPClient(), clock: SystemClock())
    }
}
