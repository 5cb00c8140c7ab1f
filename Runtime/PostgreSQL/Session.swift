import CPostgreSQL
import Events
import Glibc
import Pipeline
import StoreCommon

/// One statement of a batch.
struct Statement: Sendable {
    let sql: StaticString
    let values: [Value]
    /// It calls a function that takes rows, as one array for each column: all rows of the call, in place of values.
    private(set) var rows: [[Value]] = []
    /// It has one row of such a call, as its values. It goes to the server together with its like.
    private(set) var isRow = false

    init(_ sql: StaticString, _ values: [Value]) {
        self.sql = sql
        self.values = values
    }

    static func row(_ sql: StaticString, _ values: [Value]) -> Statement {
        var statement = Statement(sql, values)
        statement.isRow = true
        return statement
    }

    /// All rows of one function in one call.
    static func rows(_ sql: StaticString, _ rows: [[Value]]) -> Statement {
        var statement = Statement(sql, [])
        statement.rows = rows
        return statement
    }

    var parameters: Parameters { rows.isEmpty ? Parameters(values) : Parameters(rows: rows) }
}

/// One connection, for one thread. Statements go in pipeline mode: a batch is written at once and is one round trip;
/// each is prepared when it is first used. Nothing waits longer than it was given.
final class Session {
    private let connection: OpaquePointer
    /// Where it leads, for failures: host and database.
    let place: String
    private let patience: Duration
    private let observer: (@Sendable (StoreEvent) -> Void)?
    /// Statements that the server knows, by the address of their literal.
    private var prepared: [UnsafePointer<UInt8>: String] = [:]
    private var lastName = 0
    /// Answers that nobody has waited for: they are read before anything else is asked.
    private var owed: [Expected] = []
    /// After a failure of the connection nothing more is tried on it.
    private(set) var isBroken = false

    /// Connects, and looks where it has come to.
    ///
    /// - Throws: `store.unavailable`.
    init(_ options: PostgreSQLOptions) throws(Failure) {
        patience = options.patience
        observer = options.observer
        let deadline = Deadline(options.patience)
        connection = try Self.connect(options.connection, try options.password?(), before: deadline)
        place = Self.place(of: connection)
        guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else {
            throw Failure(.storeUnavailable, place, "no pipeline mode")
        }
        try begin(options)
    }

    deinit { PQfinish(connection) }

    var descriptor: Int32 { PQsocket(connection) }
    var serverProcess: Int32 { PQbackendPID(connection) }

    // MARK: - connecting

    private static func connect(
        _ text: String, _ password: String?, before deadline: Deadline
    ) throws(Failure) -> OpaquePointer {
        // What stands in the text goes before these.
        let secret = password == nil ? [] : ["password"]
        let keywords = secret + ["fallback_application_name", "client_encoding", "keepalives_idle", "dbname"]
        let values = [password].compactMap { $0 } + ["outrigger", "UTF8", "30", text]
        let started = withCStrings(keywords) { keywords in
            withCStrings(values) { values in PQconnectStartParams(keywords, values, 1) }
        }
        guard let connection = started else { throw Failure(.storeUnavailable, "postgresql", "no memory") }
        var state = PGRES_POLLING_WRITING
        while state != PGRES_POLLING_OK {
            guard PQstatus(connection) != CONNECTION_BAD, state != PGRES_POLLING_FAILED else {
                throw end(connection, message(of: connection))
            }
            let events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT
            guard deadline.wait(for: PQsocket(connection), Int16(events)) else {
                throw end(connection, "no connection within the time that it has: the server is slow, or not there")
            }
            state = PQconnectPoll(connection)
        }
        return connection
    }

    private static func end(_ connection: OpaquePointer, _ words: String) -> Failure {
        let failure = Failure(.storeUnavailable, place(of: connection), words)
        PQfinish(connection)
        return failure
    }

    private static func place(of connection: OpaquePointer) -> String {
        let host = PQhost(connection).map { String(cString: $0) } ?? ""
        let database = PQdb(connection).map { String(cString: $0) } ?? ""
        return host.isEmpty && database.isEmpty ? "postgresql" : "\(host)/\(database)"
    }

    /// libpq's words on the connection, in one line. They name host, user and database, never a password.
    private static func message(of connection: OpaquePointer) -> String {
        let text = PQerrorMessage(connection).map { String(cString: $0) } ?? ""
        let lines = text.split(separator: "\n").map { String($0).trimming() }
        return lines.isEmpty ? "the connection broke" : lines.joined(separator: "; ")
    }

    private func begin(_ options: PostgreSQLOptions) throws(Failure) {
        let limit = "\(options.patience.milliseconds)"
        let rows = try ask(
            """
            SELECT set_config('search_path', $1, false), set_config('statement_timeout', $2, false), \
            set_config('lock_timeout', $2, false), set_config('idle_in_transaction_session_timeout', $2, false), \
            CASE WHEN current_setting('synchronous_commit') = 'off' \
            THEN set_config('synchronous_commit', 'on', false) END, \
            pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on', \
            current_setting('server_encoding'), current_setting('server_version_num')::bigint, \
            set_config('client_min_messages', 'error', false)
            """, [.text(options.schema), .text(limit)])
        guard let facts = rows.first else { throw Failure(.storeUnavailable, place, "no answer") }
        guard !facts.flag(5) else { throw Failure(.storeUnavailable, place, ServerFailure.readOnly) }
        guard facts.text(6) == "UTF8" else {
            throw Failure(.storeUnavailable, place, "the database's encoding is \(facts.text(6)); it must be UTF8")
        }
        guard facts.integer(7) >= 130_000 else {
            throw Failure(.storeUnavailable, place, "PostgreSQL \(facts.integer(7) / 10_000); 13 is the oldest")
        }
    }

    // MARK: - statements

    /// The rows of each statement. All of them are one transaction, which the first failure undoes.
    /// - Parameter afterwards: a transaction of its own behind it. Nobody waits for its answer, nor for its failure.
    func run(_ statements: [Statement], afterwards: Statement? = nil) throws(ServerFailure) -> [[Row]] {
        try settle()
        observer?(.exchanged(requests: statements.count + (afterwards == nil ? 0 : 1)))
        var expected: [Expected] = []
        for statement in statements { try send(statement, &expected) }
        try sync(&expected)
        if let afterwards {
            try send(afterwards, &owed)
            try sync(&owed)
        }
        return try collect(expected)
    }

    private func settle() throws(ServerFailure) {
        guard !isBroken else { throw ServerFailure(state: "", message: "the connection is broken") }
        guard !owed.isEmpty else { return }
        let answers = owed
        owed = []
        do throws(ServerFailure) { _ = try collect(answers) } catch { guard !isBroken else { throw error } }
    }

    /// One statement, not prepared: its types are those that the text says.
    func question(_ sql: String, _ values: [Value]) throws(ServerFailure) -> [Row] {
        try settle()
        observer?(.exchanged(requests: 1))
        let sent = Parameters(values).withPointers { count, values, lengths, formats in
            PQsendQueryParams(connection, sql, count, nil, values, lengths, formats, 1)
        }
        guard sent == 1 else { throw broken() }
        var expected: [Expected] = [.answer]
        try sync(&expected)
        return try collect(expected).first ?? []
    }

    func ask(_ sql: String, _ values: [Value]) throws(Failure) -> [Row] {
        do throws(ServerFailure) { return try question(sql, values) } catch { throw error.failure(at: place) }
    }

    /// Statements without values, several in one text.
    func script(_ sql: String) throws(Failure) {
        do throws(ServerFailure) {
            try settle()
            guard PQexitPipelineMode(connection) == 1 else { throw broken() }
            guard PQsendQuery(connection, sql) == 1 else { throw broken() }
            let deadline = Deadline(patience)
            var failure: ServerFailure?
            while let result = try next(before: deadline) {
                if PQresultStatus(result) == PGRES_FATAL_ERROR { failure = failure ?? ServerFailure(result) }
                PQclear(result)
            }
            guard PQenterPipelineMode(connection) == 1 else { throw broken() }
            if let failure { throw failure }
        } catch { throw error.failure(at: place) }
    }

    private enum Expected {
        case prepared(UnsafePointer<UInt8>)
        case answer
        case sync
    }

    private func send(_ statement: Statement, _ expected: inout [Expected]) throws(ServerFailure) {
        let sql = statement.sql.utf8Start
        let text = UnsafeRawPointer(sql).assumingMemoryBound(to: CChar.self)
        let name: String
        if let known = prepared[sql] { name = known } else {
            lastName += 1
            name = "s\(lastName)"
            guard PQsendPrepare(connection, name, text, 0, nil) == 1 else { throw broken() }
            expected.append(.prepared(sql))
            prepared[sql] = name
        }
        let sent = statement.parameters.withPointers { count, values, lengths, formats in
            PQsendQueryPrepared(connection, name, count, values, lengths, formats, 1)
        }
        guard sent == 1 else { throw broken() }
        expected.append(.answer)
    }

    private func sync(_ expected: inout [Expected]) throws(ServerFailure) {
        guard PQpipelineSync(connection) == 1 else { throw broken() }
        expected.append(.sync)
    }

    /// Reads what the server says to each, to the end, so that the connection is sound again after a failure.
    private func collect(_ expected: [Expected]) throws(ServerFailure) -> [[Row]] {
        let deadline = Deadline(patience)
        var answers: [[Row]] = []
        var failure: ServerFailure?
        for item in expected {
            guard let result = try next(before: deadline) else { throw broken() }
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK: answers.append(Row.all(of: result))
            case PGRES_COMMAND_OK: if case .answer = item { answers.append([]) }
            case PGRES_PIPELINE_SYNC: continue
            default:
                if PQresultStatus(result) == PGRES_FATAL_ERROR { failure = failure ?? ServerFailure(result) }
                if case .prepared(let sql) = item { prepared[sql] = nil }
            }
            if case .sync = item {
                // The commit itself failed: the server says so in front of the end of the transaction.
                guard let end = try next(before: deadline) else { throw broken() }
                PQclear(end)
                continue
            }
            // Behind each answer stands an empty one.
            if let more = try next(before: deadline) {
                PQclear(more)
                throw broken()
            }
        }
        guard let failure else { return answers }
        if failure.endsConnection { isBroken = true }
        throw failure
    }

    /// The next result, or `nil` at the end of a statement's.
    private func next(before deadline: Deadline) throws(ServerFailure) -> OpaquePointer? {
        while PQisBusy(connection) == 1 {
            let unsent = PQflush(connection)
            guard unsent >= 0 else { throw broken() }
            let events = Int16(unsent == 1 ? POLLIN | POLLOUT : POLLIN)
            guard deadline.wait(for: descriptor, events) else {
                isBroken = true
                throw ServerFailure(state: "", message: "no answer within \(patience.milliseconds) ms")
            }
            guard PQconsumeInput(connection) == 1 else { throw broken() }
        }
        let result = PQgetResult(connection)
        if result == nil, PQstatus(connection) == CONNECTION_BAD { throw broken() }
        return result
    }

    private func broken() -> ServerFailure {
        isBroken = true
        return ServerFailure(state: "", message: Self.message(of: connection))
    }

    // MARK: - notifications

    /// Payloads of others' notifications that have come, after waiting for at most so long.
    func notifications(within wait: Duration, _ wakeup: Int32) throws(ServerFailure) -> [String] {
        var descriptors = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0),
        ]
        poll(&descriptors, 2, Int32(clamping: wait.milliseconds))
        guard PQconsumeInput(connection) == 1 else { throw broken() }
        var payloads: [String] = []
        while let notification = PQnotifies(connection) {
            payloads.append(String(cString: notification.pointee.extra))
            PQfreemem(notification)
        }
        return payloads
    }
}

/// A moment by which something must have come.
struct Deadline {
    private let end: ContinuousClock.Instant

    init(_ wait: Duration) { end = .now + wait }

    /// Waits for a descriptor. False if the time is over.
    func wait(for descriptor: Int32, _ events: Int16) -> Bool {
        while true {
            let left = end - .now
            guard left > .zero else { return false }
            var waiting = pollfd(fd: descriptor, events: events, revents: 0)
            let count = poll(&waiting, 1, Int32(clamping: left.milliseconds + 1))
            if count > 0 { return true }
            if count < 0, errno != EINTR { return true }
        }
    }
}

private func withCStrings<T>(_ texts: [String], _ body: ([UnsafePointer<CChar>?]) -> T) -> T {
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies.map { $0.map { UnsafePointer($0) } } + [nil])
}

extension String {
    fileprivate func trimming() -> String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
