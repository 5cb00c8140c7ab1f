// What the sidecar itself needs: where it keeps things, how it signs, where it listens.
import Events

public struct SigningSettings: SettingsGroup, Hashable {
    public enum Algorithm: String, CaseIterable, Sendable {
        case dilithium2 = "Dilithium2"
        case mldsa44 = "ML-DSA-44"
    }
    /// `nil` where a service signs.
    public var key: String?
    public var service: SigningServiceSettings?
    public var algorithm = Algorithm.dilithium2
    public var keyID: String?

    public init() {}

    static let section = Section<Self>(
        Setting(
            "key", \.key, .or("service", .path("/etc/outrigger/signing.key")), example: "/etc/outrigger/signing.key",
            "The file with the private key. The key itself never stands in the configuration."),
        Setting(
            "service", \.service, .section(), alternative: true,
            "In place of `key`: a service that signs. Its tokens are verified like everybody's before they are sent."),
        Setting(
            "algorithm", \.algorithm, .choice, "The name in the header of tokens signed with `key`."),
        Setting(
            "kid", \.keyID, .or("service", .word("a key id", "orders-2026-01")), example: "orders-2026-01",
            "With `key`: the id under which consumers find the public key."))
}

/// A service that signs events: it has the key, and nobody else.
public struct SigningServiceSettings: SettingsGroup, Hashable {
    /// `nil` only with a socket: then `/sign` is asked.
    public var url: String?
    /// The Unix socket to connect to in place of the URL's host.
    public var socket: String?
    public var timeout = Duration.seconds(5)
    public var pins: [String] = []

    public init() {}

    /// Where to ask: the URL, or `unix:SOCKET:PATH`.
    public var location: String {
        guard let socket else { return url ?? "" }
        let path = url.map { WebAddress($0)?.path ?? "" } ?? "/sign"
        return "unix:\(socket):\(path.isEmpty ? "/" : path)"
    }

    static let section = Section<Self>(
        Setting(
            "url", \.url, .or("none", .url("https://signing.example.com/sign")),
            example: "https://signing.example.com/sign",
            "Where events are POSTed to be signed. https, or http on loopback or over `socket`."),
        Setting(
            "socket", \.socket, .or("none", .path("/run/signing/signing.sock")),
            "A Unix socket to ask instead of the URL's host. Without `url`, /sign is asked."),
        Setting(
            "timeout", \.timeout, .duration(.milliseconds(100)...(.minutes(1))),
            "How long one answer may take. After it the events are tried again, with backoff."),
        Setting(
            "pins", \.pins, .list(of: .pin, atMost: 16),
            "SHA-256 of public keys in base64, one of which the server's certificate must have."))
}

extension CrossChecks {
    func check(_ signing: SigningSettings, _ reader: inout Reader) {
        guard (signing.key == nil) != (signing.service == nil) else {
            return reader.error("signing.key", "A key or a service signs, one of them.", "Write `key` or `service`.")
        }
        guard let service = signing.service else {
            if signing.keyID == nil {
                reader.error("signing.kid", "Consumers could not find the public key.", "Write `kid` beside `key`.")
            }
            return
        }
        if configuration.journal.key == nil {
            reader.warn(
                "journal.key",
                "The service signs events, and no heads of the journal: whoever can write the store could change what "
                    + "happened, and `outrigger journal verify` would not see it.",
                "Give it a key of its own: outrigger keys generate FILE.")
        }
        let url = service.url.flatMap { WebAddress($0) }
        if url == nil && service.socket == nil {
            reader.error("signing.service.url", "It has neither a URL nor a socket.", "Give one of them.")
        }
        if let url, !url.isEncrypted, !url.isLoopback, service.socket == nil {
            reader.error(
                "signing.service.url", "Everybody on the way could read and change what is to be signed.",
                "Use https, or a server on loopback or a Unix socket.")
        }
        let publishers = configuration.handlers.flatMap(\.publish).map(\.source)
        let peers = (configuration.api?.peers ?? []).flatMap(\.publish).map(\.source)
        let believed = configuration.keySets.flatMap(\.sources)
        for source in Set(publishers + peers).sorted()
        where !believed.contains(where: { Names.covers($0, source) || Names.covers(source, $0) }) {
            reader.error(
                "signing.service", found: source,
                "No key set may speak for this source: what is signed could not be verified, and is never sent.",
                "List it under `key-sets[].sources` of the key set that has the service's keys.")
        }
    }
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

public struct PluginSettings: SettingsGroup, Hashable {
    public enum Requirement: String, CaseIterable, Sendable { case none, pin, signature }
    public var require = Requirement.none
    public var keys: [String] = []

    public init() {}

    static let section = Section<Self>(
        Setting(
            "require", \.require, .choice,
            "pin: each handler's `sha256` is given. signature: each plugin has a signature beside it, FILE.sig."),
        Setting(
            "keys", \.keys, .list(of: .path("/etc/outrigger/plugin-keys.json"), atMost: 16),
            "Files of public keys, as `outrigger keys public` prints them. One of them signed each plugin."))
}

public struct WorkersSettings: SettingsGroup, Hashable {
    public var processes = Limits.workers
    public var memory = 4_294_967_296
    /// `nil`: workers have the sidecar's own.
    public var users: UserRange?

    public init() {}

    static let section = Section<Self>(
        Setting(
            "processes", \.processes, .count(1...Limits.workers), change: .restart,
            "Worker processes of all handlers together, those of a reload included."),
        Setting(
            "memory", \.memory, .size(16_777_216...Limits.workersMemory), change: .restart,
            "The sum of their handlers' memory, likewise."),
        Setting(
            "users", \.users, .or("none", .userRange), change: .restart,
            "With sandbox: strict, uids of which each handler gets its own. The sidecar must be allowed to set one."))
}

/// Uids that nobody else has.
public struct UserRange: Sendable, Hashable, CustomStringConvertible {
    public let first: UInt32
    public let last: UInt32

    /// `61184-61247`; root and nobody (65534) are no one's.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ (1...9).contains($0.utf8.count) }), let first = UInt32(parts[0]),
            let last = UInt32(parts[1]), first > 0, first <= last, !(first...last).contains(65_534)
        else { return nil }
        self.first = first
        self.last = last
    }

    public var count: Int { Int(last - first) + 1 }
    public var description: String { "\(first)-\(last)" }
}

extension Form where Value == UserRange {
    static var userRange: Form {
        .scalar(
            .text(what: "two uids with a dash, without 0 and 65534", pattern: "^[1-9][0-9]{0,8}-[1-9][0-9]{0,8}$"),
            example: "61184-61247"
        ) { text, _ throws(Refusal) in
            guard let range = UserRange(text) else { throw Refusal() }
            return range
        } show: {
            quoted($0.description)
        }
    }
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
    public static let longestDeadline = Duration.minutes(10)
    public var deadline = Duration.seconds(25)

    public init() {}

    static let section = Section<Self>(
        Setting(
            "deadline", \.deadline, .duration(.seconds(1)...longestDeadline),
            "How long what runs may go on when the sidecar is told to stop. Stay below terminationGracePeriodSeconds."))
}

extension Form where Value == String {
    static var region: Form {
        .text("a region's name", pattern: "^[a-z0-9-]{1,48}$", example: "eu-central-1", Names.isName)
    }
}
