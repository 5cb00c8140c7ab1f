import Events
import Foundation
import GRDB
import GRDBSQLite
import Pipeline
import Support
import Synchronization
import Testing

@testable import Store

/// Failures made in SQLite itself.
@Suite struct FailureTests {
    @Test func aFullDiskFailsTheCommitAndPassesWithItsCause() async throws {
        let bench = try Bench(.durable)
        try await bench.done("e-0")
        let lease = try await bench.lease("e-1")
        let value = Bytes(repeating: 65, count: 200_000)
        let effects = Effects(writes: [StateWrite(key: Bytes("k"), value: value, expected: 0)])
        try await bench.execute("PRAGMA max_page_count = 1")
        #expect(await failure { try await bench.commit(lease, .done(effects)) }?.code == .storeFull)
        #expect(try await bench.value("k").version == 0)
        #expect(try await bench.claim(bench.request(bench.event("e-1"))).word == "in flight")
        // The next connection has no such limit.
        #expect(try await bench.commit(lease, .done(effects)) == .committed)
        #expect(try await bench.value("k").value == value)
        #expect(try await bench.store.journal(after: 0, atMost: 9).map(\.number) == [1, 2])
    }

    @Test func aStoreThatTakesNoWritesIsUnavailableUntilItDoes() async throws {
        let bench = try Bench(.durable)
        let lease = try await bench.lease("e-1")
        try await bench.execute("PRAGMA query_only = 1")
        #expect(await failure { try await bench.commit(lease) }?.code == .storeUnavailable)
        #expect(await bench.store.core.isTroubled)
        try await bench.store.check()
        #expect(await !bench.store.core.isTroubled)
        #expect(try await bench.commit(lease) == .committed)
    }

    @Test func theObserverHearsOfFailureAndRecovery() async throws {
        let heard = Mutex<[String]>([])
        let bench = try Bench { event in
            let word =
                switch event {
                case .committed: "committed"
                case .failed(let failure): failure.code.rawValue
                case .reopened: "reopened"
                case .connected, .exchanged, .repeated: "of a shared store"
                }
            heard.withLock { $0.append(word) }
        }
        let lease = try await bench.lease("e-1")
        try await bench.execute("PRAGMA query_only = 1")
        _ = await failure { try await bench.commit(lease) }
        #expect(try await bench.commit(lease) == .committed)
        #expect(heard.withLock { $0 } == ["store.unavailable", "reopened", "committed"])
    }

    @Test func aFailedCommitThatIsNotInTheFileIsNotAnsweredAsDone() async throws {
        let bench = try Bench(.durable)
        let lease = try await bench.lease("e-1")
        try await bench.onConnection { db in sqlite3_commit_hook(db, { _ in 1 }, nil) }
        let effects = Effects(writes: [StateWrite(key: Bytes("k"), value: Bytes("v"), expected: 0)])
        #expect(await failure { try await bench.commit(lease, .done(effects)) } != nil)
        #expect(try await bench.value("k").version == 0)
        #expect(try await bench.store.journal(after: 0, atMost: 9).isEmpty)
        #expect(try await bench.commit(lease, .done(effects)) == .committed)
        #expect(try await bench.value("k").value.text == "v")
    }

    @Test func aFailedCommitThatIsInTheFileIsReadBackAsDone() async throws {
        let bench = try Bench(.durable)
        let lease = try await bench.lease("e-1")
        let loser = try await bench.lease("e-2")
        let effects = Effects(
            writes: [StateWrite(key: Bytes("k"), value: Bytes("v"), expected: 0)], drafts: [bench.draft("a")])
        // SQLite calls this after the transaction is in the write-ahead log, and reports what it answers.
        try await bench.onConnection { db in sqlite3_wal_hook(db, { _, _, _, _ in SQLITE_IOERR }, nil) }
        let both = [bench.commitment(lease, .done(effects)), bench.commitment(loser, .done(effects))]
        #expect(try await bench.store.commit(both, at: bench.now) == [.committed, .lostState])
        #expect(try await bench.claim(bench.request(bench.event("e-1"))).word == "done")
        #expect(try await bench.value("k").value.text == "v")
        #expect(try await bench.store.depth().rows == 1)
        #expect(try await bench.doneEvents() == ["e-1"])
        #expect(try await bench.commit(loser) == .committed)
        #expect(try await bench.doneEvents() == ["e-1", "e-2"])
    }

    @Test func inDoubtWhileTheFileCannotBeOpenedAndSettledByItAfterwards() async throws {
        let bench = try Bench(.durable)
        let lease = try await bench.lease("e-1")
        let other = try await bench.lease("e-2")
        let path = bench.path
        let files = ["", "-wal", "-shm"]
        try await bench.onConnection { db in sqlite3_wal_hook(db, { _, _, _, _ in SQLITE_IOERR }, nil) }
        // The connection keeps its open files; nobody can open them by name.
        try await bench.execute("SELECT 1")
        for file in files { try FileManager.default.moveItem(atPath: path + file, toPath: path + file + ".away") }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(await failure { try await bench.commit(lease) } != nil)
        #expect(await failure { try await bench.commit(other) } != nil)
        try FileManager.default.removeItem(atPath: path)
        for file in files where FileManager.default.fileExists(atPath: path + file + ".away") {
            try FileManager.default.moveItem(atPath: path + file + ".away", toPath: path + file)
        }
        #expect(try await bench.commit(lease) == .committed)
        #expect(try await bench.claim(bench.request(bench.event("e-1"))).word == "done")
        #expect(try await bench.commit(other) == .committed)
        #expect(try await bench.doneEvents() == ["e-1", "e-2"])
    }
}

extension FailureTests {
    @Test func aFileThatWentAwayIsNotReplacedByAnEmptyOne() async throws {
        let bench = try Bench(.durable)
        try await bench.done("e-1")
        let lease = try await bench.lease("e-2")
        let away = bench.folder.file("away")
        try FileManager.default.createDirectory(atPath: away, withIntermediateDirectories: false)
        try await bench.execute("PRAGMA query_only = 1")
        for file in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"] {
            try FileManager.default.moveItem(atPath: bench.folder.file(file), toPath: away + "/" + file)
        }
        #expect(await failure { try await bench.commit(lease) }?.code == .storeUnavailable)
        #expect(await failure { try await bench.claim(bench.request(bench.event("e-1"))) }?.code == .storeUnavailable)
        #expect(await failure { try await bench.store.check() }?.code == .storeUnavailable)
        for file in try FileManager.default.contentsOfDirectory(atPath: away) {
            try FileManager.default.moveItem(atPath: away + "/" + file, toPath: bench.folder.file(file))
        }
        try await bench.store.check()
        #expect(try await bench.commit(lease) == .committed)
        #expect(try await bench.claim(bench.request(bench.event("e-1"))).word == "done")
    }

    @Test func anOlderCopyPutInItsPlaceIsNotTakenForTheStore() async throws {
        let bench = try Bench(.durable)
        await bench.store.close()
        let copy = bench.folder.file("copy")
        try FileManager.default.copyItem(atPath: bench.path, toPath: copy)
        try await bench.reopen()
        let lease = try await bench.lease("e-1")
        try await bench.execute("PRAGMA query_only = 1")
        for suffix in ["", "-wal", "-shm"] { try FileManager.default.removeItem(atPath: bench.path + suffix) }
        try FileManager.default.copyItem(atPath: copy, toPath: bench.path)
        #expect(await failure { try await bench.commit(lease) }?.code == .storeUnavailable)
        #expect(await failure { try await bench.commit(lease) }?.code == .storeUnavailable)
    }
}

extension Bench {
    /// What the journal calls done, in order.
    func doneEvents() async throws -> [String] {
        var query = JournalQuery()
        query.outcome = .done
        return try await store.rows(query).map(\.entry.event)
    }

    /// Installs a hook on the raw connection; it ends with the connection.
    func onConnection<T>(_ install: @Sendable (OpaquePointer?) -> T) async throws {
        try await store.core.withConnection { connection throws(Failure) in
            try connection.perform { db in _ = install(db.sqliteConnection) }
        }
    }
}
