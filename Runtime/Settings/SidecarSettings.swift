// What the sidecar itself needs: where it keeps things, how it signs, where it listens.
import Events

public struct SigningSettings: SettingsGroup, Hashable {
    public enum Algorithm: String, CaseIterable, Sendable {
        case dilithium2 = "Dilithium2"
        case mldsa44 = "ML-DSA-44"
    }
    public var key = ""
    public var algorithm = Algorithm.dilithium2
    public var keyID = ""

    public init() {}

    static let section = Section<Self>(
        Setting(
            "key", \.key, .path("/etc/outrigger/signing.key"), required: true, example: "/etc/outrigger/signing.key",
            "The file with the private key. The key itself never stands in the configuration."),
        Setting(
            "algorithm", \.algorithm, .choice, "The name in the header of its tokens."),
        Setting(
            "kid", \.keyID, .word("a key id", "orders-2026-01"), required: true, example: "orders-2026-01",
            "The id under which consumers find the public key."))
}

public struct BusSettings: SettingsGroup, Hashable {
    public var name = ""
    /// `nil`: that of `aws.region`.
    public var region: String?

    public init() {}

    static let section = Section<Self>(
        Setting(
            "name", \.name, .word("the name or ARN of an event bus", "default", atMost: 1600), required: true,
            example: "default",
            "The event bus to publish on."),
        Setting("region", \.region, .or("aws", .region), "The bus's region; by default that of `aws.region`."))
}

public struct AWSSettings: SettingsGroup, Hashable {
    /// `nil`: AWS_REGION, or what the instance says.
    public var region: String?
    /// `nil`: AWS_ENDPOINT_URL and its kin, or Amazon's own.
    public var endpoint: String?

    public init() {}

    static let section = Section<Self>(
        Setting(
            "region", \.region, .or("environment", .region), change: .restart,
            "The region; by default as the environment says. Credentials are never written here."),
        Setting(
            "endpoint", \.endpoint, .or("environment", .url("http://127.0.0.1:4566")), change: .restart,
            "Another endpoint for all services; by default AWS_ENDPOINT_URL, or Amazon's."))
}

public struct StoreSettings: SettingsGroup, Hashable {
    public enum Durability: String, CaseIterable, Sendable { case durable, ephemeral }

    public var path = "/var/lib/outrigger/outrigger.db"
    public var durability = Durability.durable
    public var lowWater = 268_435_456
    public var journal = Duration.days(30)

    public init() {}

    static let section = Section<Self>(
        Setting(
            "path", \.path, .path("/var/lib/outrigger/outrigger.db"), change: .restart,
            "The file of ledger, state, outbox and journal. For one sidecar alone."),
        Setting(
            "durability", \.durability, .choice, required: true, example: "durable", change: .restart,
            "durable: the volume outlives the pod. ephemeral: it does not; nothing is deleted whose only copy is here."
        ),
        Setting(
            "low-water", \.lowWater, .size(1_048_576...(1 << 40)),
            "Free space below which nothing more is received."),
        Setting("journal", \.journal, .duration(.hours(1)...(.days(3_650))), "How long the journal is kept."))
}

public struct OutboxSettings: SettingsGroup, Hashable {
    public var rows = Limits.outboxRows
    public var bytes = Limits.outboxBytes
    public var giveUp = Duration.hours(24)

    public init() {}

    static let section = Section<Self>(
        Setting(
            "rows", \.rows, .count(10...Limits.outboxRows),
            "Events that may wait for the bus; then nothing more is received."),
        Setting("bytes", \.bytes, .size(Limits.messageBytes...Limits.outboxBytes), "Their bytes, likewise."),
        Setting(
            "give-up", \.giveUp, .duration(.minutes(1)...(.days(14))),
            "How long an event that the bus refuses may hold up the others of its resource."))
}

public struct SkewSettings: SettingsGroup, Hashable {
    public var ahead = Duration.minutes(5)

    public init() {}

    static let section = Section<Self>(
        Setting(
            "ahead", \.ahead, .duration(.zero...(.hours(1))),
            "How much later than the queue had it an event may claim to be signed."))
}

public struct AdminSettings: SettingsGroup, Hashable {
    public var listen = ListenAddress(host: "127.0.0.1", port: 9464)

    public init() {}

    static let section = Section<Self>(
        Setting(
            "listen", \.listen, .listenAddress, change: .restart,
            "Where /metrics, /healthz and /readyz are. Kubernetes and Prometheus need the pod's address: 0.0.0.0:9464."
        ))
}

public struct LogSettings: SettingsGroup, Hashable {
    public enum Level: String, CaseIterable, Sendable { case trace, debug, info, warning, error }
    public var level = Level.info

    public init() {}

    static let section = Section<Self>(
        Setting("level", \.level, .choice, "The least severe lines that are written. Each event's way is debug."))
}

public struct StopSettings: SettingsGroup, Hashable {
    public var deadline = Duration.seconds(25)

    public init() {}

    static let section = Section<Self>(
        Setting(
            "deadline", \.deadline, .duration(.seconds(1)...(.minutes(10))),
            "How long what runs may go on when the sidecar is told to stop. Stay below terminationGracePeriodSeconds."))
}

extension Form where Value == String {
    static var region: Form {
        .text("a region's name", pattern: "^[a-z0-9-]{1,48}$", example: "eu-central-1", Names.isName)
    }
}
