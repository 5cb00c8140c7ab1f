import Events
import GRDB
import Pipeline
import StoreConformance
import Support
import Synchronization
import Testing

@testable import Store

/// The promises that every store keeps, kept by the embedded one: those that hold for one sidecar.
@Suite struct ConformanceTests {
    @Test(arguments: Check.alone)
    func keepsThePromisesOfEveryStore(check: Check) async throws {
        try await check.run { _ in try EmbeddedStore() }
    }
}

private final class EmbeddedStore: StoreUnderTest {
    private let folder: TemporaryFolder
    private let current: Mutex<SQLiteStore>

    init() throws {
        folder = try TemporaryFolder()
        current = Mutex(
            try SQLiteStore.open(StoreOptions(path: folder.file("store.sqlite"), durability: .durable)))
    }

    private var sqlite: SQLiteStore { current.withLock { $0 } }
    var store: any EventStore { sqlite }
    func second() async throws -> (any EventStore)? { nil }
    /// Its leases end by the `now` of the calls.
    func elapse(_ time: Duration) async throws {}
    func cut(_ place: Cut) async throws -> Bool { false }
    func sweep(at now: Instant) async throws -> Int { try await sqlite.sweep(at: now) }
    func close() async { await sqlite.close() }

    func restart() async throws {
        let options = sqlite.options
        await sqlite.close()
        // Between the fork and the exec of a process that another test starts, the lock is that child's, too.
        let isOpen = try await eventually {
            do throws(Failure) {
                let opened = try SQLiteStore.open(options)
                current.withLock { $0 = opened }
                return true
            } catch {
                guard error.code == .storeLocked else { throw error }
                return false
            }
        }
        try #require(isOpen)
    }

    func isJournalWhole() async throws -> Bool {
        try JournalCheck(path: folder.file("store.sqlite")).run().findings.isEmpty
    }

    func damage(_ damage: Damage) async throws {
        let file = try DatabaseQueue(path: folder.file("store.sqlite"))
        let sql = switch damage {
        case .change: "UPDATE journal SET entry = (SELECT entry FROM journal WHERE number = 3) WHERE number = 2"
        case .gap: "DELETE FROM journal WHERE number = 2"
        case .beginning: "DELETE FROM journal WHERE number = 1"
        case .tail: "DELETE FROM journal WHERE number = 4"
        }
        try await file.write { db in try db.execute(sql: sql) }
    }
}
