import Events
import Pipeline
import StoreCommon
import Synchronization

/// A connection and the thread that it belongs to: whoever waits for the server does not wait on a thread of Swift's
/// shared pool. After a failure of the connection the next call opens another.
actor Lane {
    private let executor = StoreExecutor("outrigger.postgresql")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let options: PostgreSQLOptions
    private var session: Session?
    /// Why there is no connection, and when that was known.
    private var refusal: (failure: Failure, at: ContinuousClock.Instant)?
    private var isClosed = false

    init(_ options: PostgreSQLOptions) { self.options = options }

    /// Blocks this lane while `body` talks to the server. Who has waited while no connection came is not kept for
    /// another attempt: else each of many would wait for the patience of all before it.
    ///
    /// - Parameter asked: when the call came.
    func run<T: Sendable>(
        asked: ContinuousClock.Instant, _ body: @Sendable (Session) throws(ServerFailure) -> T
    ) throws(Failure) -> T {
        if let refusal, refusal.at > asked { throw refusal.failure }
        let session = try open()
        do throws(ServerFailure) { return try body(session) } catch {
            if session.isBroken { self.session = nil }
            let failure = error.failure(at: session.place)
            options.observer?(.failed(failure))
            throw failure
        }
    }

    /// The same, for what opens a store: it may find no schema there yet.
    func begin<T: Sendable>(_ body: @Sendable (Session) throws(Failure) -> T) throws(Failure) -> T {
        let session = try Session(options)
        let value = try body(session)
        self.session = session
        return value
    }

    private func open() throws(Failure) -> Session {
        guard !isClosed else { throw Failure(.storeUnavailable, "postgresql", "the store is closed") }
        if let session { return session }
        do throws(Failure) {
            let opened = try Session(options)
            try Schema.require(opened, options.schema)
            (session, refusal) = (opened, nil)
            options.observer?(.connected)
            return opened
        } catch {
            refusal = (error, .now)
            options.observer?(.failed(error))
            throw error
        }
    }

    func close() {
        isClosed = true
        session = nil
    }
}

/// A few lanes for whatever can go on side by side: each call takes the one that fewest wait for.
final class LanePool: Sendable {
    private let lanes: [Lane]
    private let waiting: Mutex<[Int]>

    init(_ options: PostgreSQLOptions) {
        lanes = (0..<max(options.connections, 1)).map { _ in Lane(options) }
        waiting = Mutex([Int](repeating: 0, count: lanes.count))
    }

    func run<T: Sendable>(
        _ body: @Sendable (Session) throws(ServerFailure) -> T
    ) async throws(Failure) -> T {
        let index = waiting.withLock { waiting in
            let index = waiting.indices.min { waiting[$0] < waiting[$1] } ?? 0
            waiting[index] += 1
            return index
        }
        defer { waiting.withLock { $0[index] -= 1 } }
        return try await lanes[index].run(asked: .now, body)
    }

    func close() async { for lane in lanes { await lane.close() } }
}
