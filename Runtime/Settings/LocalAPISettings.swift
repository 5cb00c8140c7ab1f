// The Unix sockets that the service in the pod uses, and who may do what there.
import Events

public struct LocalAPISettings: SettingsGroup, Hashable {
    public var folder = "/run/outrigger"
    /// The group that owns the sockets; `nil` leaves the sidecar's own.
    public var group: Int?
    public var peers: [PeerSettings] = []

    public init() {}

    static let section = Section<Self>(
        Setting(
            "folder", \.folder, .path("/run/outrigger"), change: .restart,
            "Where outrigger.sock (publish, read) and outrigger-admin.sock (operate) are made, with mode 0660."),
        Setting(
            "group", \.group, .or("none", .count(0...65_533)), change: .restart,
            "The group id that owns the sockets, such as the pod's fsGroup."),
        Setting(
            "peers", \.peers, .sections(named: "name", atMost: 64),
            "Who may connect. Empty: processes of the sidecar's own user, with every role."))
}

public struct PeerSettings: SettingsGroup, Hashable {
    public enum Role: String, CaseIterable, Sendable { case publish, read, operate }

    public var name = ""
    public var user: Int?
    public var group: Int?
    public var roles: [Role] = []
    public var sources: [String] = []
    public var tenants: [String] = ["*"]

    public init() {}

    static let section = Section<Self>(
        Setting(
            "name", \.name, .name("orders-service"), required: true, example: "orders-service",
            "Names the peer in logs."),
        Setting("uid", \.user, .or("any", .count(0...65_533)), example: "10001", "The user id of its processes."),
        Setting(
            "gid", \.group, .or("any", .count(0...65_533)),
            "A group that its processes are in, supplementary ones included."),
        Setting(
            "roles", \.roles, .list(of: .choice, atMost: 3, atLeast: 1), required: true, example: "[publish, read]",
            "publish: have events signed and sent. read: timelines. operate: reload, redrive."),
        Setting(
            "sources", \.sources, .list(of: .pattern("com.example.orders")), example: "[com.example.orders]",
            "The sources that it may publish under and read; * for any, or for one part between dots."),
        Setting(
            "tenants", \.tenants, .list(of: .word("a tenant's id, or *", "*")),
            "The tenants whose events it may read; * for all."))
}
