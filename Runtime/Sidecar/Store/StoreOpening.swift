import AWS
import Events
import Foundation
import HTTP
import Pipeline
import PostgreSQL
import Settings
import Store

/// Opens the store that the configuration names: the one place that knows the kinds.
struct StoreOpening: Sendable {
    let configuration: Configuration
    let cloud: Cloud
    /// Of leases, timers and rows: the one that the pipelines go by.
    let clock: any WallClock
    /// Hears what the store did, on threads of the store.
    var observer: @Sendable (StoreEvent) -> Void = { _ in }
    /// Whether the schema may be made and upgraded. No command does so by the way.
    let migrates: Bool

    init(
        _ configuration: Configuration, environment: [String: String], client: HTTPClient, clock: any WallClock,
        migrates: Bool
    ) {
        self.configuration = configuration
        self.clock = clock
        self.migrates = migrates
        cloud = Cloud(configuration, environment: environment, client: client, clock: SystemClock())
    }

    /// - Throws: `store.*`: some of them waiting helps against.
    func open() async throws(Failure) -> any EventStore {
        let settings = configuration.store
        switch settings.kind {
        case .sqlite: return try SQLiteStore.open(configuration.storeOptions(observer: observer))
        case .postgresql:
            return try await PostgreSQLStore.open(postgreSQL(), clock: clock)
        case .dynamodb:
            return try await DynamoDBStore.open(dynamoDB(), session, clock: clock)
        }
    }

    func postgreSQL() -> PostgreSQLOptions {
        let settings = configuration.store.postgresql ?? PostgreSQLSettings()
        var options = PostgreSQLOptions(
            connection: settings.connection, schema: settings.schema, connections: settings.connections,
            patience: settings.patience, migrates: migrates && settings.migrate,
            journalKeep: configuration.journal.keep, journalSegment: configuration.journal.segment,
            journalSeal: configuration.journal.seal, keepsPayloads: configuration.journal.payloads == .keep,
            name: ProcessInfo.processInfo.hostName, observer: observer)
        if let path = settings.passwordFile {
            options.password = { () throws(Failure) in try PasswordFile.read(path) }
        }
        return options
    }

    var table: DynamoDBSettings { configuration.store.dynamodb ?? DynamoDBSettings() }
    /// Where the table is.
    var session: AWSSession { cloud.session(of: table) }

    func dynamoDB() -> DynamoDBOptions {
        DynamoDBOptions(
            table: table.table, skew: table.skew, patience: table.patience,
            journalKeep: configuration.journal.keep, journalSegment: configuration.journal.segment,
            journalSeal: configuration.journal.seal, keepsPayloads: configuration.journal.payloads == .keep,
            observer: observer)
    }
}

/// A file that holds a password and, as editors leave it, the end of a line.
enum PasswordFile {
    private static let bytesAtMost = 4_096

    /// - Throws: `store.unavailable`: a mounted secret may come later.
    static func read(_ path: String) throws(Failure) -> String {
        func refused(_ cause: String) -> Failure { Failure(.storeUnavailable, path, cause) }
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw refused("the file of the password cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { try? handle.close() }
        guard let data = try? handle.read(upToCount: bytesAtMost + 1), data.count <= bytesAtMost,
            let text = String(bytes: data, encoding: .utf8)
        else { throw refused("the file of the password holds more than a password") }
        let password = text.hasSuffix("\r\n") || text.hasSuffix("\n") ? String(text.dropLast()) : text
        guard !password.isEmpty, !password.utf8.contains(0), !password.contains("\n") else {
            throw refused("the file of the password must hold one line, and nothing else")
        }
        return password
    }
}
