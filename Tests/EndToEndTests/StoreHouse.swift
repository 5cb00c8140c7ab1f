import Foundation
import Glibc
import JSON
import LocalCloud
import Support
import Testing

/// Sidecars of one service with one store: a configuration, a socket and a folder for each.
struct StoreHouse {
    let house: House
    let cloud: LocalCloud
    /// What stands behind `store:`.
    let section: String
    /// What sidecars and commands have besides, as libpq takes it.
    var environment: [String: String] = [:]
    private let admins = [TestServer.freePort(), TestServer.freePort()]

    init(_ house: House, _ cloud: LocalCloud, _ section: String) {
        self.house = house
        self.cloud = cloud
        self.section = section
    }

    static func postgreSQL(_ server: PostgreSQLServer, _ more: String = "", options: String = "") -> String {
        let connection = server.connection(through: nil, options)
        let schema = PostgreSQLServer.freshName()
        return "{kind: postgresql, postgresql: {connection: \"\(connection)\", schema: \(schema)\(more)}}"
    }

    /// As a user of this name, with a schema of the same.
    static func postgreSQL(_ server: PostgreSQLServer, as user: String) -> String {
        let connection = "host=\(server.folder) user=\(user) dbname=postgres"
        return "{kind: postgresql, postgresql: {connection: \"\(connection)\", schema: \(user)}}"
    }

    /// Over TCP, by whichever port leads to it.
    static func postgreSQL(_ server: PostgreSQLServer, port: Int, schema: String, _ more: String = "") -> String {
        let connection = "host=127.0.0.1 port=\(port) user=outrigger dbname=postgres"
        return "{kind: postgresql, postgresql: {connection: \"\(connection)\", schema: \(schema)\(more)}}"
    }

    static func dynamoDB(_ endpoint: String, table: String) -> String {
        "{kind: dynamodb, dynamodb: {table: \(table), endpoint: \"\(endpoint)\", patience: 3s}}"
    }

    func socket(_ number: Int) -> String { house.folder.file("admin-\(number).sock") }
    /// The service's own.
    func service(_ number: Int) -> String { house.folder.file("s-\(number).sock") }
    private func file(_ number: Int) -> String { house.folder.file("outrigger-\(number).yaml") }

    /// - Parameters:
    ///   - shelves: letters stay in the store, since there is no queue for them.
    ///   - way: what stands behind `store:` for this one, where it goes another way than the others.
    ///   - queue: what it receives from.
    @discardableResult
    func write(
        _ number: Int, handler: String = "deadline: 5s", shelves: Bool = false, way: String? = nil,
        queue: String = "main"
    ) throws -> String {
        let sockets = "socket: \(service(number)), admin-socket: \(socket(number))"
        let grant = "roles: [publish, read, operate], publish: [{source: \"test.*\", detail-types: [\"*\"]}]"
        let peer = "{name: tests, users: [\(geteuid())], \(grant)}"
        let api = "api: {\(sockets), peers: [\(peer)]}"
        let yaml = try String(contentsOfFile: try house.write(cloud, handler: handler, more: api), encoding: .utf8)
        let lines = yaml.replacing("/main\"", with: "/\(queue)\"").split(
            separator: "\n", omittingEmptySubsequences: false
        ).map { line -> String in
            if line.hasPrefix("store:") { return "store: " + (way ?? section) }
            if line.hasPrefix("state-directory:") { return line + "-\(number)" }
            if line.hasPrefix("admin:") { return "admin: {listen: \"127.0.0.1:\(admins[number])\"}" }
            guard shelves, let start = line.range(of: "dead-letter: "), let end = line.range(of: ", handlers") else {
                return String(line)
            }
            return String(line[..<start.lowerBound]) + String(line[end.lowerBound...].dropFirst(2))
        }
        try lines.joined(separator: "\n").write(toFile: file(number), atomically: true, encoding: String.Encoding.utf8)
        return file(number)
    }

    func start(_ number: Int) throws -> SidecarProcess {
        try SidecarProcess(
            configuration: file(number), admin: admins[number], log: house.folder.file("log-\(number)"),
            environment: environment)
    }

    /// A command, as an operator runs it. On a thread of its own: the cloud needs the others.
    func outrigger(_ words: String) async throws -> (status: Int32, output: String) {
        let variables = environment.map { "\($0.key)='\($0.value)'" }.joined(separator: " ")
        let script = """
            export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1
            export AWS_EC2_METADATA_DISABLED=true \(variables)
            \(Fixtures.products)/outrigger \(words) </dev/null
            """
        return try await offPool { try Shell.run(script) }
    }

    func json(_ words: String) async throws -> JSONValue {
        let answer = try await outrigger(words + " --json")
        return try JSONValue.parse(answer.output)
    }

    /// How often each event was done, by the journal of all.
    func done(asking number: Int = 0) async throws -> [String: Int] {
        let words = "events --outcome done --limit 100000 --json --socket \(socket(number))"
        let rows = try await outrigger(words).output
        return try rows.split(separator: "\n").reduce(into: [:]) { done, row in
            done[try JSONValue.parse(String(row))["eventId"]?.string ?? "", default: 0] += 1
        }
    }

    /// `outrigger store check` of the first sidecar's configuration: what is unfit, with what is said of it.
    func unfit() async throws -> [String] {
        let answer = try await outrigger("store check \(file(0)) --json")
        let report = try JSONValue.parse(answer.output)
        let unfit = (report["findings"]?.array ?? []).filter { $0["verdict"]?.string == "unfit" }
        #expect((answer.status == 0) == unfit.isEmpty && report["fit"]?.bool == unfit.isEmpty, "\(answer.output)")
        for finding in unfit { #expect(finding["advice"]?.string?.isEmpty == false, "\(answer.output)") }
        return unfit.map { "\($0["words"]?.string ?? "") \($0["advice"]?.string ?? "")" }
    }
}
