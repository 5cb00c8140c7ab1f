public import Events
public import Pipeline

/// Which database, and how it is used.
public struct PostgreSQLOptions: Sendable {
    /// A connection string or URI, as libpq takes it ("Connection Strings"): hosts, TLS, a service of a service file.
    /// May hold a password: it appears in no failure and no log.
    public var connection: String
    /// Asked for each connection: a password, where none stands in the connection string or libpq's environment.
    public var password: (@Sendable () throws(Failure) -> String)?
    /// The schema that the tables stand in: lower-case letters, digits and underscores.
    public var schema: String
    /// Connections for all but commits, which have one of their own, and the one that listens.
    public var connections: Int
    /// How long one exchange with the server may take, waiting for a lock included.
    public var patience: Duration
    /// Makes and upgrades the schema when the store is opened.
    public var migrates: Bool
    /// How long rows of the journal are kept.
    public var journalKeep: Duration
    /// Rows of a chain after which a segment is closed: what retention removes at once.
    public var journalSegment: Int
    /// How long a row waits for a head of its chain at most.
    public var journalSeal: Duration
    public var keepsPayloads: Bool
    /// Names this sidecar in the journal's writers: the pod, as a rule.
    public var name: String
    /// Hears what the store did, on threads of the store: it must not block.
    public var observer: (@Sendable (StoreEvent) -> Void)?

    public init(
        connection: String, schema: String = "outrigger", connections: Int = 2, patience: Duration = .seconds(10),
        migrates: Bool = true, journalKeep: Duration = .days(30), journalSegment: Int = 1_000,
        journalSeal: Duration = .minutes(1), keepsPayloads: Bool = false, name: String = "",
        observer: (@Sendable (StoreEvent) -> Void)? = nil
    ) {
        self.connection = connection
        self.schema = schema
        self.connections = connections
        self.patience = patience
        self.migrates = migrates
        self.journalKeep = journalKeep
        self.journalSegment = journalSegment
        self.journalSeal = journalSeal
        self.keepsPayloads = keepsPayloads
        self.name = name
        self.observer = observer
    }
}
