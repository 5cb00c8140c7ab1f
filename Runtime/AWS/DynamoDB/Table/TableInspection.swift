public import Events
import JSON
public import Pipeline

// What an operator asks of the table before sidecars do, and the table itself where there is none yet.

extension DynamoDBStore {
    /// Looks, and changes nothing.
    ///
    /// - Parameter clock: the machine's own.
    public static func inspect(
        _ options: DynamoDBOptions, _ session: AWSSession, clock: any WallClock
    ) async -> [StoreFinding] {
        let client = TableClient(session: session, table: options.table, patience: options.patience)
        do throws(AWSError) {
            let problems = try await TableCheck.problems(client)
            guard problems.isEmpty else {
                return problems.map { words in
                    StoreFinding(
                        .unfit, "table", words,
                        advice: "Update the stack of config/deploy/dynamodb.yaml, which makes it as it must be.")
                }
            }
            var findings = [StoreFinding(.fit, "table", "\(options.table): keys, indexes and time to live are there")]
            findings.append(schema(try await TableMeta.schema(client)))
            if let (ahead, took) = await session.clockAhead(of: .dynamodb, clock: clock) {
                // A date of HTTP has whole seconds.
                findings.append(
                    .clock(
                        ahead: ahead, within: took + .seconds(1),
                        harm: "leases go by the sidecars' clocks, and may differ by `skew`"))
            }
            return findings
        } catch {
            let failure = error.ofTable(options.table)
            let advice = switch error.kind {
            case .notFound: "Run `outrigger store migrate --create`, or correct the table's name, region and endpoint."
            case .denied: "Attach the policy of config/deploy/dynamodb.yaml to the role of the pods."
            case .noCredentials: "Give the pod a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            default: failure.code.entry.remedy
            }
            return [StoreFinding(.unfit, "table", failure.cause, advice: advice)]
        }
    }

    private static func schema(_ found: Int64?) -> StoreFinding {
        guard let found else { return StoreFinding(.note, "schema", "no sidecar has used the table yet") }
        guard found == TableLayout.schema else {
            return StoreFinding(
                .unfit, "schema", "schema \(found), this version knows \(TableLayout.schema)",
                advice: "Run the version that made it, or take another table.")
        }
        return StoreFinding(.fit, "schema", "schema \(found)")
    }

    /// Makes the table as config/deploy/dynamodb.yaml does, without backups and rights, and waits for it. For
    /// development: a table that matters belongs into a stack.
    ///
    /// - Returns: false if there is one already.
    /// - Throws: `store.unavailable`.
    public static func createTable(
        _ options: DynamoDBOptions, _ session: AWSSession
    ) async throws(Failure) -> Bool {
        let client = TableClient(session: session, table: options.table, patience: options.patience)
        do throws(AWSError) {
            let isNew = try await TableCreation(client: client).create()
            try await TableCreation(client: client).expire()
            return isNew
        } catch { throw error.ofTable(options.table) }
    }
}

private struct TableCreation {
    private static let patience = Duration.minutes(2)
    private static let look = Duration.milliseconds(500)
    let client: TableClient

    private var name: JSONMember { JSONMember("TableName", .string(client.table)) }

    func create() async throws(AWSError) -> Bool {
        var types = [("pk", "S"), ("sk", "S")]
        for index in Query.Index.allCases { types += [(index.partition, "S"), (index.sort, "N")] }
        let indexes = Query.Index.allCases.map { index -> JSONValue in
            let projection: JSONValue = index == .due
                ? ["ProjectionType": "INCLUDE", "NonKeyAttributes": ["size"]] : ["ProjectionType": "KEYS_ONLY"]
            return [
                "IndexName": .string(index.rawValue), "KeySchema": keys(index.partition, index.sort),
                "Projection": projection,
            ]
        }
        let definitions = types.map { type -> JSONValue in
            ["AttributeName": .string(type.0), "AttributeType": .string(type.1)]
        }
        do throws(AWSError) {
            _ = try await client.call(
                "CreateTable",
                [
                    name, JSONMember("BillingMode", "PAY_PER_REQUEST"), JSONMember("KeySchema", keys("pk", "sk")),
                    JSONMember("AttributeDefinitions", .array(definitions)),
                    JSONMember("GlobalSecondaryIndexes", .array(indexes)),
                ])
        } catch {
            guard error.code == "ResourceInUseException" else { throw error }
            return false
        }
        let clock = ContinuousClock()
        let end = clock.now + Self.patience
        while try await client.call("DescribeTable", [name]).root["Table"]?["TableStatus"]?.string != "ACTIVE" {
            guard clock.now < end else { throw AWSError(.badReply, "the table is not active after two minutes") }
            // Cancelled: the next call ends it.
            try? await Task.sleep(for: Self.look)
        }
        return true
    }

    /// One that expires already is told so by a refusal.
    func expire() async throws(AWSError) {
        do throws(AWSError) {
            _ = try await client.call(
                "UpdateTimeToLive",
                [name, JSONMember("TimeToLiveSpecification", ["Enabled": true, "AttributeName": "ttl"])])
        } catch {
            guard error.code == "ValidationException" else { throw error }
        }
    }

    private func keys(_ hash: String, _ range: String) -> JSONValue {
        [
            ["AttributeName": .string(hash), "KeyType": "HASH"], ["AttributeName": .string(range), "KeyType": "RANGE"],
        ]
    }
}
