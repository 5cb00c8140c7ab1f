// The local API: its two sockets, and who may do what on them.
import Events

public struct APISettings: SettingsGroup, Hashable {
    public var socket = "/run/outrigger/outrigger.sock"
    public var adminSocket = "/run/outrigger/outrigger-admin.sock"
    public var mode = SocketMode(bits: 0o660)
    /// `nil`: the sidecar's own.
    public var group: UInt32?
    /// Empty: processes of the sidecar's own user may read and operate, and nobody may publish.
    public var peers: [PeerSettings] = []
    public var rate = 1_000
    public var body = 1_048_576
    public var streams = 32
    public var idempotency = Duration.hours(24)

    public init() {}

    static let section = Section<Self>(
        Setting(
            "socket", \.socket, .path("/run/outrigger/outrigger.sock"), change: .restart,
            "The Unix socket for the service in the pod: publish, read."),
        Setting(
            "admin-socket", \.adminSocket, .path("/run/outrigger/outrigger-admin.sock"), change: .restart,
            "The one for operators: status, reload, read."),
        Setting(
            "mode", \.mode, .socketMode, change: .restart,
            "Permission bits of both. Who may not write may not connect."),
        Setting(
            "group", \.group, .or("none", .identity), change: .restart,
            "The gid of both: in a pod its fsGroup. By default the sidecar's own."),
        Setting(
            "peers", \.peers, .sections(named: "name", atMost: Limits.grants),
            "Who may do what; the first that fits a process counts. "
                + "Empty: the sidecar's own user may read and operate."),
        Setting("rate", \.rate, .count(1...100_000), "Requests a second of one peer."),
        Setting("body", \.body, .size(1_024...Limits.apiBodyBytes), "The body of one request."),
        Setting("streams", \.streams, .count(0...Limits.apiConnectionsPerPeer), "Open streams of one peer."),
        Setting(
            "idempotency", \.idempotency, .duration(.minutes(1)...(.days(7))),
            "How long an Idempotency-Key is remembered."))
}

public struct PeerSettings: SettingsGroup, Hashable {
    public enum Role: String, CaseIterable, Sendable { case publish, read, operate }

    public var name = ""
    public var users: [UInt32] = []
    public var groups: [UInt32] = []
    public var roles: [Role] = []
    public var publish: [PeerPublishSettings] = []
    public var sources: [String] = []
    public var tenants: [String] = []

    public init() {}

    static let section = Section<Self>(
        Setting(
            "name", \.name, .name("orders"), required: true, example: "orders",
            "Names it in limits, metrics and the journal."),
        Setting(
            "users", \.users, .list(of: .identity, atMost: 64), example: "[1000]",
            "The uids of its processes, as the sidecar sees them."),
        Setting(
            "groups", \.groups, .list(of: .identity, atMost: 64),
            "Or one of the gids, supplementary ones included, such as a pod's fsGroup."),
        Setting(
            "roles", \.roles, .list(of: .choice, atMost: 3, atLeast: 1), required: true, example: "[publish, read]",
            "publish and read on the socket; operate and read on the admin socket."),
        Setting(
            "publish", \.publish, .sections(atMost: Limits.routesPerHandler),
            "What is signed for it. Anything else is denied."),
        Setting(
            "sources", \.sources, .list(of: .pattern("com.example.orders")),
            "The sources whose events it may read. Empty: all."),
        Setting(
            "tenants", \.tenants, .list(of: .word("a tenant's id", "acme", atMost: 256)),
            "The tenants whose events it may read. Empty: all."))
}

public struct PeerPublishSettings: SettingsGroup, Hashable {
    public var source = ""
    public var detailTypes: [String] = []

    public init() {}

    static let section = Section<Self>(
        Setting(
            "source", \.source, .pattern("com.example.orders"), required: true, example: "com.example.orders",
            "The source; * for any, or for one part between dots."),
        Setting(
            "detail-types", \.detailTypes, .list(of: .pattern("Order.Accepted.v1"), atLeast: 1), required: true,
            example: "[Order.Accepted.v1]", "The detail types, likewise."))
}

/// Permission bits of a socket.
public struct SocketMode: Sendable, Hashable {
    public let bits: UInt32

    public init(bits: UInt32) { self.bits = bits }

    /// Three octal digits, with a zero before them or without: `0660`.
    init?(_ text: String) {
        let digits = text.utf8.count == 4 && text.hasPrefix("0") ? text.dropFirst() : text[...]
        guard digits.utf8.count == 3, let bits = UInt32(digits, radix: 8), !digits.hasPrefix("+") else { return nil }
        self.bits = bits
    }

    var text: String {
        let digits = String(bits, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

extension Form where Value == SocketMode {
    static var socketMode: Form {
        .scalar(.text(what: "permission bits in octal", pattern: "^0?[0-7]{3}$"), example: "\"0660\"") {
            text, _ throws(Refusal) in
            guard let mode = SocketMode(text) else { throw Refusal() }
            return mode
        } show: {
            // In quotes, or other readers of YAML take it for a number.
            "\"\($0.text)\""
        }
    }
}

extension Form where Value == UInt32 {
    /// A uid or gid. The last one is no one's, and 65534 is whoever the system does not know.
    static var identity: Form {
        .scalar(.count(0...4_294_967_294), example: "1000", isPlain: true) { text, _ throws(Refusal) in
            guard text.utf8.count <= 10, let value = UInt32(text), value != .max else { throw Refusal() }
            guard value != 65_534 else {
                throw Refusal(
                    why: "65534 stands for every user and group that this system does not know.",
                    fix: "Run the process under an id of its own.")
            }
            return value
        } show: {
            "\($0)"
        }
    }
}

extension APISettings {
    /// The section of a file whatever else is wrong with it: who asks the sidecar why it refused a file needs to know
    /// where it listens. The defaults where there is none.
    public static func find(in path: String, environment: [String: String]) -> APISettings {
        var reader = Reader(file: path)
        guard let bytes = try? Document.bytes(of: path), var root = try? Document.parse(bytes, file: path) else {
            return APISettings()
        }
        Overrides.apply(environment, to: &root, declarations: Configuration.section.declarations, &reader)
        return root["api"].map { reader.read(section, from: $0) } ?? APISettings()
    }
}

// MARK: - whether it fits the rest

struct APIChecks {
    let configuration: Configuration
    let api: APISettings

    func run(_ reader: inout Reader) {
        paths(&reader)
        if api.mode.bits & 0o006 != 0 {
            reader.warn("api.mode", "Every user of the machine may connect.", "Use 0660 and `group`.")
        }
        if api.peers.isEmpty {
            reader.note(
                "api.peers", "Processes of the sidecar's own user may read and operate; nobody may publish.",
                "List the service under `api.peers`.")
        }
        for peer in api.peers { check(peer, &reader) }
    }

    private func paths(_ reader: inout Reader) {
        if api.socket == api.adminSocket {
            reader.error("api.admin-socket", "It is the same path as `api.socket`.", "Give each its own.")
        }
        for (key, path) in [("socket", api.socket), ("admin-socket", api.adminSocket)]
        where path.utf8.count > Limits.socketPathBytes {
            reader.error(
                "api.\(key)",
                "The path has \(path.utf8.count) bytes, and a socket's may have \(Limits.socketPathBytes).",
                "Use a shorter one.")
        }
    }

    private func check(_ peer: PeerSettings, _ reader: inout Reader) {
        let path = "api.peers[\(peer.name)]"
        if peer.users.isEmpty && peer.groups.isEmpty {
            reader.error("\(path).users", "It has neither users nor groups, so it is nobody.", "List uids or gids.")
        }
        if api.peers.count(where: { $0.name == peer.name }) > 1 {
            reader.error("\(path).name", "Two elements of this list have the same name.", "Rename or remove one.")
        }
        guard peer.roles.contains(.publish) else {
            if !peer.publish.isEmpty {
                reader.error("\(path).publish", "It has not the role publish.", "Add the role, or remove the list.")
            }
            return
        }
        if peer.publish.isEmpty {
            reader.warn("\(path).publish", "Nothing is listed, so nothing is signed for it.", "List what it publishes.")
        }
        for (key, isThere) in [("signing", configuration.signing != nil), ("bus", configuration.bus != nil)]
        where !isThere {
            reader.error(
                "\(path).roles", "Nothing can be published without `\(key)`.", "Add the section `\(key)`.")
        }
    }
}

extension Configuration {
    /// What `check` says of peers that are the sidecar itself.
    /// - Parameter user: the uid that the sidecar runs under.
    public func peerWarnings(user: UInt32, file: String) -> [Problem] {
        (api?.peers ?? []).filter { $0.users.contains(user) }.map { peer in
            Problem(
                .warning, place: file, path: "api.peers[\(peer.name)].users", found: "\(user)",
                why: "It is the sidecar's own user: whatever runs as it may do what this peer may.",
                fix: "Run the service under a uid of its own.")
        }
    }
}
