import Events
import Pipeline
import StoreConformance
import Support
import Synchronization
import Testing

@testable import PostgreSQL

@Suite enum PostgreSQLTests {}

/// So many benches are open at once: each has connections of its own, and a server has only so many.
private actor Places {
    static let all = Places()
    private var free = 6
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take() async {
        if free > 0 { return free -= 1 }
        await withCheckedContinuation { waiting.append($0) }
    }

    func give() { if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() } }
}

/// A schema of its own on the shared server, and one or two sidecars' views of it.
final class Bench: StoreUnderTest {
    private struct State {
        var store: PostgreSQLStore
        var second: PostgreSQLStore?
    }
    let server: PostgreSQLServer
    let schema: String
    let clock: TestClock
    let proxy: Proxy
    private let options: PostgreSQLOptions
    private let state: Mutex<State>

    init(_ clock: TestClock = TestClock(), change: (inout PostgreSQLOptions) -> Void = { _ in }) async throws {
        await Places.all.take()
        self.clock = clock
        server = try PostgreSQLServer.shared()
        schema = PostgreSQLServer.freshName()
        proxy = try Proxy(to: server)
        var options = PostgreSQLOptions(
            connection: server.connection(through: proxy.folder.path), schema: schema, connections: 1)
        change(&options)
        self.options = options
        state = Mutex(State(store: try await PostgreSQLStore.open(options, clock: clock)))
    }

    var postgres: PostgreSQLStore { state.withLock { $0.store } }
    var store: any EventStore { postgres }

    /// Goes to the server directly.
    func second() async throws -> (any EventStore)? {
        if let second = state.withLock({ $0.second }) { return second }
        var options = options
        options.connection = server.connection()
        let second = try await PostgreSQLStore.open(options, clock: clock)
        state.withLock { $0.second = second }
        return second
    }

    func restart() async throws {
        await postgres.close()
        let store = try await PostgreSQLStore.open(options, clock: clock)
        state.withLock { $0.store = store }
    }

    /// The schema's own clock is put forward.
    func elapse(_ time: Duration) async throws {
        _ = try await ask(
            """
            CREATE TABLE IF NOT EXISTS clock_steps (step bigint); INSERT INTO clock_steps VALUES (\(time.milliseconds));
            CREATE OR REPLACE FUNCTION clock() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT
            (extract(epoch FROM clock_timestamp()) * 1000)::bigint + (SELECT sum(step)::bigint FROM clock_steps)'
            """)
    }

    func sweep(at now: Instant) async throws -> Int { try await postgres.sweep(at: now) }

    /// Connections are there and quiet before one is cut.
    func cut(_ place: Cut) async throws -> Bool {
        try await postgres.check()
        _ = try await postgres.depth()
        proxy.arm(place)
        return true
    }

    func isJournalWhole() async throws -> Bool { try await postgres.audit().breaks.isEmpty }

    func damage(_ damage: Damage) async throws {
        try await postgres.beat(at: clock.now)
        let sql =
            switch damage {
            case .change: "UPDATE journal SET entry = (SELECT entry FROM journal WHERE number = 3) WHERE number = 2"
            case .gap: "DELETE FROM journal WHERE number = 2"
            case .beginning: "DELETE FROM journal WHERE number = 1"
            case .tail: "DELETE FROM journal WHERE number = 4"
            }
        try await ask(sql)
    }

    func close() async {
        await postgres.close()
        await state.withLock { $0.second }?.close()
        proxy.stop()
        await Places.all.give()
    }

    /// SQL of a test's own, on a connection of its own.
    func ask(_ sql: String) async throws {
        var options = options
        options.connection = server.connection()
        let lane = Lane(options)
        try await lane.begin { session throws(Failure) in try session.script(sql) }
        await lane.close()
    }
}

/// The failure that `body` throws, or `nil`.
func failure<T>(_ body: () async throws -> T) async -> Failure? {
    do {
        _ = try await body()
        return nil
    } catch { return error as? Failure }
}
