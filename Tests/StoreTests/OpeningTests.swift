import Events
import Foundation
import GRDB
import Pipeline
import Support
import Testing

@testable import Store

@Suite struct OpeningTests {
    @Test func aStoreThatAnotherProcessHoldsIsLocked() async throws {
        let folder = try TemporaryFolder()
        let options = StoreOptions(path: folder.file("s.sqlite"), durability: .durable)
        let other = try ChildProcess(
            ["flock", "-n", options.path + ".lock", "sh", "-c", "echo held; cat"], input: .pipe, output: .pipe)
        #expect(other.output?.line(within: .seconds(60)) == "held")
        #expect(await failure { try SQLiteStore.open(options) }?.code == .storeLocked)
        other.input?.close()
        #expect(other.end() == .exit(0))
        let store = try SQLiteStore.open(options)
        #expect(await failure { try SQLiteStore.open(options) }?.code == .storeLocked)
        await store.close()
    }

    @Test func aFileOfANewerVersionIsRefused() async throws {
        let bench = try Bench()
        await bench.store.close()
        try await DatabaseQueue(path: bench.path).write { try $0.execute(sql: "PRAGMA user_version = 99") }
        #expect(await failure { try SQLiteStore.open(bench.store.options) }?.code == .storeNewer)
    }

    @Test func aForeignDatabaseIsRefusedAndLeftAlone() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("other.sqlite")
        let queue = try DatabaseQueue(path: path)
        try await queue.write { try $0.execute(sql: "CREATE TABLE mine (a)") }
        try queue.close()
        let found = await failure { try SQLiteStore.open(StoreOptions(path: path, durability: .durable)) }
        #expect(found?.code == .storeCorrupt)
        let tables = try await DatabaseQueue(path: path).read {
            try String.fetchAll($0, sql: "SELECT name FROM sqlite_schema WHERE type = 'table'")
        }
        #expect(tables == ["mine"])
    }

    @Test func aDamagedFileIsRefused() async throws {
        let bench = try Bench()
        for index in 0..<200 { try await bench.done("e-\(index)") }
        await bench.store.close()
        var bytes = try Data(contentsOf: URL(filePath: bench.path))
        for index in stride(from: 4096, to: bytes.count, by: 64) { bytes[index] ^= 0xFF }
        try bytes.write(to: URL(filePath: bench.path))
        #expect(await refusal(of: bench) == .storeCorrupt)
        try Data("no database at all, but long enough to have a header of one".utf8 + Data(count: 4096))
            .write(to: URL(filePath: bench.path))
        #expect(await refusal(of: bench) == .storeCorrupt)
    }

    /// Why the store does not open. A process that another test has just forked may hold its lock until it executes.
    private func refusal(of bench: Bench) async -> FailureCode? {
        var code: FailureCode?
        _ = await eventually {
            code = await failure { try SQLiteStore.open(bench.store.options) }?.code
            return code != .storeLocked
        }
        return code
    }

    @Test func aPathThatCannotBeWrittenIsUnavailable() async throws {
        let folder = try TemporaryFolder()
        for path in ["/proc/outrigger.sqlite", folder.file("none/s.sqlite")] {
            let found = await failure { try SQLiteStore.open(StoreOptions(path: path, durability: .durable)) }
            #expect(found?.code == .storeUnavailable)
        }
    }

    @Test func theFileIsItsOwnersAlone() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        for suffix in ["", "-wal", ".lock"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: bench.path + suffix)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        }
    }

    @Test func aVolumeBelowItsLowWaterMarkIsFull() async throws {
        let folder = try TemporaryFolder()
        var options = StoreOptions(path: folder.file("s.sqlite"), durability: .ephemeral, lowWater: .max)
        let full = try SQLiteStore.open(options)
        #expect(await failure { try full.capacity() }?.code == .storeFull)
        #expect(await failure { try await full.check() }?.code == .storeFull)
        await full.close()
        options.lowWater = 1
        let roomy = try SQLiteStore.open(options)
        #expect(await failure { try await roomy.check() } == nil)
    }

    @Test func aClosedStoreAnswersNothing() async throws {
        let bench = try Bench()
        let lease = try await bench.lease("e-1")
        await bench.store.close()
        await bench.store.close()
        #expect(await failure { try await bench.commit(lease) }?.code == .storeUnavailable)
        #expect(await failure { try await bench.claim(bench.request(bench.event("e-2"))) }?.code == .storeUnavailable)
        #expect(await failure { try await bench.value("k") }?.code == .storeUnavailable)
    }

    @Test func statisticsCountWhatIsThereAlsoAfterARestart() async throws {
        let bench = try Bench()
        let effects = Effects(
            writes: [StateWrite(key: Bytes("k"), value: Bytes("v"), expected: nil)], drafts: [bench.draft("a")],
            timers: [TimerChange(key: Bytes("t"), at: bench.now, detail: Bytes("{}"))])
        try await bench.done("e-1", effects)
        _ = try await bench.lease("e-2")
        var expected = StoreStatistics()
        (expected.ledger, expected.state, expected.outbox, expected.timers, expected.journal) = (1, 1, 1, 1, 1)
        expected.claims = 1
        let found = try await bench.store.statistics()
        #expect(found.bytes > 0)
        expected.bytes = found.bytes
        #expect(found == expected)
        try await bench.reopen()
        let reopened = try await bench.store.statistics()
        (expected.claims, expected.bytes) = (0, reopened.bytes)
        #expect(reopened == expected)
    }

    @Test func durabilityIsWhatSQLiteDoes() async throws {
        for (durability, expected) in [(StoreOptions.Durability.durable, "2"), (.ephemeral, "0")] {
            let bench = try Bench(durability)
            #expect(try await bench.rows("PRAGMA synchronous") == [[expected]])
            #expect(try await bench.rows("PRAGMA journal_mode") == [["wal"]])
        }
    }
}
