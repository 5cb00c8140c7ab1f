import Foundation
import Support
import Testing

/// A store that several sidecars share, and what can happen to it.
enum SharedStore: Sendable {
    case postgreSQL(PostgreSQLServer, schema: String)
    /// Its server keeps nothing when it ends: the way to it ends instead.
    case dynamoDB(FaultProxy, table: String)

    init(_ kind: String) throws {
        guard kind == "dynamodb" else {
            self = .postgreSQL(try PostgreSQLServer(), schema: "storm")
            return
        }
        let cloud = try ForeignCloud(.miniStack)
        let table = PostgreSQLServer.freshName()
        try cloud.makeTable(table)
        self = .dynamoDB(try FaultProxy(to: try cloud.port), table: table)
    }

    /// The section `store` of a configuration.
    var section: String {
        switch self {
        case .postgreSQL(let server, let schema):
            """
            {kind: postgresql, postgresql: {connection: "\(server.connection())", schema: \(schema), patience: 5s}}
            """
        case .dynamoDB(let proxy, let table):
            "{kind: dynamodb, dynamodb: {table: \(table), endpoint: \"\(proxy.endpoint)\", patience: 5s}}"
        }
    }

    /// As a crash of the server does, or of the way to it: for so long.
    func fail(for time: Duration) async throws {
        switch self {
        case .postgreSQL(let server, _): try await offPool { try server.restart("QUIT", after: time) }
        case .dynamoDB(let proxy, _):
            proxy.weather = .cut
            try? await Task.sleep(for: time)
            proxy.weather = .fine
        }
    }
}
