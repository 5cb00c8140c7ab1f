// What the sidecar remembers, and where: in a file of its own, or in a store that several sidecars share.
import Events

public struct StoreSettings: SettingsGroup, Hashable {
    public enum Kind: String, CaseIterable, Sendable { case sqlite, postgresql, dynamodb }
    public enum Durability: String, CaseIterable, Sendable { case durable, ephemeral }

    public var kind = Kind.sqlite
    public var path = "/var/lib/outrigger/outrigger.db"
    public var durability = Durability.durable
    public var lowWater = 268_435_456
    /// What the kind says of itself: `nil` for another one.
    public var postgresql: PostgreSQLSettings?
    public var dynamodb: DynamoDBSettings?

    public init() {}

    /// Whether several sidecars use it.
    public var isShared: Bool { kind != .sqlite }

    /// What messages call it: the file, or what is shared. A connection string may be long, and a URI has a user.
    public var place: String {
        switch kind {
        case .sqlite: path
        case .postgresql: "postgresql schema \(postgresql?.schema ?? "")"
        case .dynamodb: "dynamodb table \(dynamodb?.table ?? "")"
        }
    }

    static let section = Section<Self>(
        Setting(
            "kind", \.kind, .choice, change: .restart,
            "sqlite: a file, for one sidecar alone. postgresql, dynamodb: for all sidecars that share queues. "
                + "config/deploy/STORES.md tells what each promises."),
        Setting(
            "path", \.path, .path("/var/lib/outrigger/outrigger.db"), change: .restart,
            "With sqlite: the file of ledger, state, outbox and journal."),
        Setting(
            "durability", \.durability, .choice, example: "durable", change: .restart,
            "With sqlite it must be given. durable: the volume outlives the pod. ephemeral: it does not; nothing is "
                + "deleted whose only copy is here."),
        Setting(
            "low-water", \.lowWater, .size(1_048_576...(1 << 40)), change: .restart,
            "With sqlite: free space below which nothing more is received."),
        Setting(
            "postgresql", \.postgresql, .section(presence: .restart), alternative: true,
            "With kind: postgresql, where the database is."),
        Setting(
            "dynamodb", \.dynamodb, .section(presence: .restart), alternative: true,
            "With kind: dynamodb, where the table is. Credentials come from the environment, as for the queues."))
}

public struct DynamoDBSettings: SettingsGroup, Hashable {
    public var table = ""
    /// `nil`: that of `aws.region`.
    public var region: String?
    /// `nil`: that of `aws.endpoint`.
    public var endpoint: String?
    public var skew = Duration.seconds(5)
    public var patience = Duration.seconds(5)

    public init() {}

    static let section = Section<Self>(
        Setting(
            "table", \.table, .word("the name or ARN of a table", "outrigger", atMost: 1024), required: true,
            example: "outrigger", change: .restart,
            "The table, as config/deploy/dynamodb.yaml makes it. One for each service."),
        Setting(
            "region", \.region, .or("aws", .region), change: .restart,
            "The table's region; by default that of `aws.region`."),
        Setting(
            "endpoint", \.endpoint, .or("aws", .url("http://127.0.0.1:8000")), change: .restart,
            "Another endpoint for DynamoDB alone; by default `aws.endpoint`, AWS_ENDPOINT_URL_DYNAMODB, or Amazon's."),
        Setting(
            "skew", \.skew, .duration(.milliseconds(100)...(.minutes(1))), change: .restart,
            "How far the clocks of two sidecars may be apart: a lease that has ended is taken over so much later."),
        Setting(
            "patience", \.patience, .duration(.seconds(1)...(.minutes(1))), change: .restart,
            "How long a call is tried again, throttled or without an answer, before the store counts as away."))
}
