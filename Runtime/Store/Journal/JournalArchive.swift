public import Events
import GRDB
public import Pipeline
import StoreCommon

/// The journal's reader: a connection of its own that cannot write, on a thread of its own, so that no question keeps
/// the writer waiting. A long search is many short transactions, between which others are answered.
actor JournalArchive {
    private let executor: StoreExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let path: String
    private let tail: JournalTail
    private var connection: ReadConnection?
    private var isClosed = false

    init(path: String, executor: StoreExecutor, tail: JournalTail) {
        self.path = path
        self.executor = executor
        self.tail = tail
    }

    func close() {
        isClosed = true
        drop()
    }

    /// The next question opens another connection.
    func drop() {
        connection?.close()
        connection = nil
    }

    private func read<T>(_ body: (Statements) throws -> T) throws(Failure) -> T {
        guard !isClosed else { throw Failure(.storeUnavailable, path, "the store is closed") }
        let connection = if let connection { connection } else { try ReadConnection(path) }
        self.connection = connection
        do throws(Failure) { return try connection.read(body) } catch {
            drop()
            throw error
        }
    }

    func step(_ search: JournalSearch) throws(Failure) -> JournalSearch {
        let tail = tail
        return try read { statements in
            var search = search
            try search.step(statements, tail)
            return search
        }
    }

    func newest() throws(Failure) -> Int64 { try read { try JournalSearch.ends($0).newest } }

    func permits(for event: String) throws(Failure) -> [Permit] {
        try read { statements in
            var permits: [Permit] = []
            // Whether one is over, its reader sees by its time.
            try statements.each(Permit.rows, [.text(event), .instant(.distantPast)]) { row in
                permits.append(Permit(row))
                return true
            }
            return permits
        }
    }
}

/// A connection that cannot write.
final class ReadConnection {
    private let path: String
    private let queue: DatabaseQueue
    private var statements: Statements?

    /// - Parameter isAlone: nobody writes, and there is no write-ahead log: nothing but the file is needed.
    /// - Throws: `store.unavailable`, `store.corrupt`.
    init(_ path: String, isAlone: Bool = false) throws(Failure) {
        self.path = path
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(2)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096")
        }
        // A URI (https://www.sqlite.org/uri.html): without the log SQLite would make one beside a file of this mode.
        let name = isAlone ? "file:" + Self.encoded(path) + "?immutable=1" : path
        do { queue = try DatabaseQueue(path: name, configuration: configuration) } catch {
            throw Connection.failure(of: error, at: path)
        }
    }

    /// In one transaction, so that all of `body` sees one state of the file.
    func read<T>(_ body: (Statements) throws -> T) throws(Failure) -> T {
        do {
            return try queue.unsafeRead { db in
                let statements = self.statements ?? Statements(db)
                self.statements = statements
                try statements.run("BEGIN", [])
                let value = try body(statements)
                try statements.run("COMMIT", [])
                return value
            }
        } catch { throw Connection.failure(of: error, at: path) }
    }

    func close() {
        statements = nil
        try? queue.close()
    }

    private static func encoded(_ path: String) -> String {
        path.replacing("%", with: "%25").replacing("?", with: "%3f").replacing("#", with: "%23")
    }
}

extension SQLiteStore: JournalReader {
    /// Throws `api.malformed`, too, for a question that would look at too many rows.
    public func rows(_ query: JournalQuery) async throws(Failure) -> [JournalRow] {
        var search = JournalSearch(query)
        while !search.isOver { search = try await archive.step(search) }
        return search.found
    }

    public func newest() async throws(Failure) -> Int64 { try await archive.newest() }

    public func growth() -> AsyncStream<Void> { signals.journalGrowth() }

    public func accounts(of event: String) async throws(Failure) -> [LedgerAccount] {
        let claimed = await core.claimed(event)
        let permits = try await archive.permits(for: event)
        let recorded = try await core.ledger(of: event).map { row in
            var account = LedgerAccount(
                consumer: row.consumer, id: row.id, handler: row.handler, state: row.state.account,
                attempts: row.history.attempts, strikes: row.history.strikes, firstSeen: row.history.firstSeen,
                keepUntil: row.keepUntil, failure: row.failure)
            account.permittedUntil = permits.first { $0.consumer == row.consumer }?.until
            return account
        }
        let resting = recorded.filter { account in
            !claimed.contains { $0.consumer == account.consumer && $0.id == account.id }
        }
        return (claimed.map { account in
            var account = account
            let own = recorded.first { $0.consumer == account.consumer && $0.id == account.id }
            account.keepUntil = own?.keepUntil ?? account.keepUntil
            account.failure = own?.failure
            account.permittedUntil = own?.permittedUntil
            return account
        } + resting).sorted { ($0.consumer.text, $0.id.issuer) < ($1.consumer.text, $1.id.issuer) }
    }
}

extension SQLiteStore: JournalHeads {
    public var fullSegments: AsyncStream<Void> { signals.fullSegments }

    public func headToSeal(force: Bool, at now: Instant) async throws(Failure) -> UnsealedHead? {
        let options = options.journal
        return try await core.read { tables in try tables.headToSeal(options, force: force, at: now) }
    }

    public func seal(_ head: UnsealedHead, _ signature: HeadSignature?) async throws(Failure) {
        try await core.enqueue(.seal(head, signature))
    }
}

extension LedgerRow.State {
    var account: LedgerAccount.State {
        switch self {
        case .done: .done
        case .dead: .dead
        case .retry: .retry
        }
    }
}

extension StoreCore {
    func ledger(of event: String) throws(Failure) -> [LedgerRow] {
        try look { tables in try tables.ledgerRows(of: event, ledgerTail) }
    }

    /// The claims on an event, as accounts.
    func claimed(_ event: String) -> [LedgerAccount] {
        claims.holders(of: event).map { claim, until in
            LedgerAccount(
                consumer: claim.consumer, id: claim.id, handler: claim.handler, state: .claimed,
                attempts: claim.history.attempts, strikes: claim.history.strikes, firstSeen: claim.history.firstSeen,
                keepUntil: until, failure: nil)
        }
    }
}
