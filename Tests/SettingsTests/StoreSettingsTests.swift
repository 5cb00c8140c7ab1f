import Events
import Settings
import Testing

/// `store`: which kind, and what fits it.
@Suite struct StoreSettingsTests {
    private static let shared = """
        store:
          kind: postgresql
          postgresql:
            connection: host=db.example.com dbname=orders user=outrigger sslmode=verify-full
            password-file: secrets/password

        """
    private static let table = "store: {kind: dynamodb, dynamodb: {table: orders}}\n"

    private func load(_ store: String, _ more: String = "") -> (Configuration?, [Problem]) {
        Base.load(Base.replacing("store:\n  durability: durable\n", store) + more)
    }

    private func errors(_ store: String, _ more: String = "") -> [String] {
        load(store, more).1.filter { $0.severity == .error }.map(\.path)
    }

    @Test func aFileIsTheDefault() throws {
        let store = try #require(Base.load(Base.yaml).0).store
        #expect(store.kind == .sqlite && !store.isShared)
        #expect(store.path == "/var/lib/outrigger/outrigger.db" && store.postgresql == nil && store.dynamodb == nil)
    }

    @Test func whatASharedStoreIsSaidToBeIsTaken() throws {
        let (configuration, problems) = load(Self.shared)
        #expect(problems.filter { $0.severity != .note } == [])
        let store = try #require(configuration).store
        #expect(store.isShared && store.place == "postgresql schema outrigger")
        let database = try #require(store.postgresql)
        #expect(database.passwordFile == "secrets/password" && database.migrate && database.connections == 2)
        let table = try #require(load(Self.table).0).store
        #expect(table.dynamodb?.table == "orders" && table.dynamodb?.region == nil)
        #expect(table.place == "dynamodb table orders")
        // What is shown reads back as itself.
        for text in [Self.shared, Self.table] {
            let resolved = try #require(load(text).0).resolved
            let (again, faults) = Base.load(resolved)
            #expect(again?.resolved == resolved, "\(faults)")
        }
    }

    @Test(arguments: [
        "host=db password=geheim", "host=db PASSWORD = 'geheim'", "host=db sslpassword=geheim",
        "postgresql://me:geheim@db/orders", "postgres://me@db/orders?password=geheim", "postgresql://a,b:geheim@db/x",
    ])
    func aPasswordIsRefusedAndNotShown(connection: String) throws {
        let (configuration, problems) = load("store: {kind: postgresql, postgresql: {connection: \"\(connection)\"}}\n")
        #expect(configuration == nil)
        let problem = try #require(problems.first { $0.path == "store.postgresql.connection" })
        #expect(problem.fix.contains("password-file"))
        #expect(!problems.map(\.description).joined().contains("geheim"))
    }

    @Test(arguments: [
        ("host=db.example.com", true), ("host=db sslmode=require", true), ("host=/run/postgresql", false),
        ("dbname=orders", false), ("host=localhost", false), ("host=127.0.0.1", false), ("service=orders", false),
        ("host=db sslmode=verify-full", false), ("postgresql://me@db/orders", true),
        ("postgresql://me@db:5432/orders?sslmode=verify-ca", false), ("postgresql://me@localhost:1/x", false),
        ("postgresql://[::1]:5432/x", false), ("postgresql:///x?host=/run", false), ("host=/run,db", true),
    ])
    func aServerThatNobodyVerifiesIsNamed(connection: String, isNamed: Bool) {
        let (configuration, problems) = load("store: {kind: postgresql, postgresql: {connection: \"\(connection)\"}}\n")
        #expect(configuration != nil, "\(problems)")
        let warnings = problems.filter { $0.severity == .warning && $0.path == "store.postgresql.connection" }
        #expect(warnings.isEmpty != isNamed)
    }

    @Test func whatOnlyAFileHasIsRefusedElsewhere() {
        let (path, space) = ("  path: /data/x.db\n", "  low-water: 1GiB\n")
        #expect(errors(Self.shared + path) == ["store.path"])
        #expect(errors(Self.shared + space + "  durability: ephemeral\n") == ["store.durability", "store.low-water"])
        for kind in [Self.shared, Self.table] {
            #expect(errors(kind, "journal: {size: 1GiB, segment: 100, seal: 5s}\n") == ["journal.size"])
        }
        #expect(errors("store: {path: /data/x.db}\n") == ["store.durability"])
    }

    @Test func theSectionIsThatOfTheKind() {
        #expect(errors("store: {kind: postgresql}\n") == ["store.kind"])
        #expect(errors("store: {durability: durable, dynamodb: {table: t}}\n") == ["store.dynamodb"])
        #expect(errors(Self.shared + "  dynamodb: {table: t}\n") == ["store.dynamodb"])
        #expect(errors("store: {kind: dynamodb, dynamodb: {}}\n") == ["store.dynamodb.table"])
        #expect(errors("store: {kind: postgres, durability: durable}\n") == ["store.kind"])
        for name in ["Outrigger", "1a", "a-b", "a;b"] {
            let section = "store: {kind: postgresql, postgresql: {connection: host=/x, schema: \"\(name)\"}}\n"
            #expect(errors(section) == ["store.postgresql.schema"])
        }
    }

    @Test func changesTakeEffectByRestartAlone() throws {
        let running = try #require(Base.load(Base.yaml).0)
        var moved = try #require(load(Self.shared).0)
        #expect(moved.keep(running) == ["store.kind", "store.postgresql"])
        #expect(moved.store == running.store)
        let shared = try #require(load(Self.shared).0)
        var other = try #require(load(Self.shared.replacing("dbname=orders", with: "dbname=billing")).0)
        #expect(other.keep(shared) == ["store.postgresql.connection"])
        #expect(other.store == shared.store)
    }

    @Test func theEnvironmentReachesIt() throws {
        let text = Base.replacing("store:\n  durability: durable\n", Self.shared)
        let (configuration, problems) = Base.load(text, ["OUTRIGGER_STORE_POSTGRESQL_SCHEMA": "billing"])
        #expect(configuration?.store.postgresql?.schema == "billing", "\(problems)")
    }
}
