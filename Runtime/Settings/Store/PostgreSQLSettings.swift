// Which database is the store, and how the sidecar uses it. No password ever stands here.
import Events

public struct PostgreSQLSettings: SettingsGroup, Hashable {
    public var connection = ""
    /// `nil`: what the connection string or libpq's environment says.
    public var passwordFile: String?
    public var schema = "outrigger"
    public var connections = 2
    public var patience = Duration.seconds(10)
    public var migrate = true

    public init() {}

    static let section = Section<Self>(
        Setting(
            "connection", \.connection, .connectionString, required: true,
            example: "host=db.example.com dbname=orders user=outrigger sslmode=verify-full", change: .restart,
            "A connection string or URI, as libpq takes it, without a password; service=NAME takes the rest from a "
                + "service file. PGPASSWORD, PGPASSFILE, PGSERVICEFILE and their kin count, too."),
        Setting(
            "password-file", \.passwordFile, .or("none", .path("/run/secrets/database/password")), change: .restart,
            "A file that holds the password and nothing else. It is read anew for each connection."),
        Setting(
            "schema", \.schema, .schemaName, change: .restart,
            "The schema of the database that the tables stand in. One for each service."),
        Setting(
            "connections", \.connections, .count(1...32), change: .restart,
            "Connections of one sidecar for all but commits and notifications, which have one each."),
        Setting(
            "patience", \.patience, .duration(.milliseconds(200)...(.minutes(1))), change: .restart,
            "How long one exchange with the server may take, before the store counts as away."),
        Setting(
            "migrate", \.migrate, .flag, change: .restart,
            "Makes and upgrades the schema at the start. Without it, `outrigger store migrate` does, as another user."))
}

extension Form where Value == String {
    /// What libpq parses; only what would be a secret is refused here.
    static var connectionString: Form {
        let example = "host=db.example.com dbname=orders user=outrigger"
        return .scalar(
            .text(what: "a connection string of libpq", pattern: "^[^\\u0000-\\u001f]{1,4096}$"), example: example
        ) { text, _ throws(Refusal) in
            guard !ConnectionString(text).holdsPassword else {
                throw Refusal(
                    why: "It holds a password, and would be shown wherever the configuration is.",
                    fix: "Name a file in `password-file`, or set PGPASSWORD.", isSecret: true)
            }
            guard (1...4096).contains(text.utf8.count), !text.unicodeScalars.contains(where: { $0.value < 32 }) else {
                throw Refusal()
            }
            return text
        } show: {
            quoted($0)
        }
    }

    /// Goes into statements as it is.
    static var schemaName: Form {
        .text(
            "lower-case letters, digits and underscores, at most 48", pattern: "^[a-z_][a-z0-9_]{0,47}$",
            example: "outrigger"
        ) { text in
            let isName = text.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5F
            }
            return isName && (1...48).contains(text.utf8.count) && !(text.utf8.first.map { $0 < 0x3A } ?? true)
        }
    }
}

