import Cryptography
import Events
import Foundation
import Pipeline
import StoreCommon
import Support
import Testing

@testable import Store

@Suite struct SegmentTests {
    private let key = "house-1"

    /// Stands for a signing key: whoever has not the word cannot make it.
    private func sign(_ head: HeadStatement) -> HeadSignature {
        HeadSignature(keyID: key, bytes: Hash.sha256(Array("secret".utf8) + head.bytes).bytes)
    }

    private func verifies(_ signature: HeadSignature, _ head: HeadStatement) -> Bool? {
        signature.keyID == key ? signature == sign(head) : nil
    }

    private func seal(_ bench: Bench, force: Bool = false, isSigned: Bool = true) async throws -> Int64? {
        guard let head = try await bench.store.headToSeal(force: force, at: bench.now) else { return nil }
        try await bench.store.seal(head, isSigned ? sign(head.statement) : nil)
        return head.statement.number
    }

    private func check(_ bench: Bench, _ expected: [(number: Int64, hash: Digest)] = []) throws -> [JournalFinding] {
        try bench.check(expected: expected) { verifies($0, $1) }.findings
    }

    private func events(_ bench: Bench, _ count: Int, _ name: String = "e") async throws {
        for index in 0..<count { try await bench.done("\(name)-\(index)") }
    }

    /// 25 rows in segments of ten: heads at 10, 20 and 25.
    private func sealed(_ journal: JournalOptions = JournalOptions(segment: 10)) async throws -> Bench {
        let bench = try Bench(journal: journal)
        for round in 0..<2 {
            try await events(bench, 10, "\(round)")
            #expect(try await seal(bench) == Int64(10 * (round + 1)))
        }
        try await events(bench, 5, "2")
        #expect(try await seal(bench, force: true) == 25)
        return bench
    }

    /// What somebody does who can write the file: changes a row, and makes every hash behind it anew.
    private func rewrite(_ bench: Bench, from first: Int64, _ change: (inout JournalEntry) -> Void) async throws {
        try await bench.falsify(first, change)
        let rows = try await bench.store.journal(after: 0, atMost: 1_000)
        let store = try await bench.rows("SELECT value FROM meta WHERE key = 'store'")[0][0]
        var (hash, boot) = (Hash.sha256([]), Int64(0))
        for row in rows {
            let before = row.boot == boot ? hash : JournalChain.genesis(store: store, boot: row.boot, after: hash)
            boot = row.boot
            hash = JournalChain.hash(of: row.entry, number: row.number, boot: boot, after: before)
            guard row.number >= first else { continue }
            try await bench.execute("UPDATE journal SET hash = x'\(hash.hexadecimal)' WHERE number = \(row.number)")
        }
    }

    // MARK: - sealing

    @Test func aHeadIsSealedWhenASegmentIsFullOrTimeHasPassed() async throws {
        let bench = try Bench(journal: JournalOptions(segment: 10, seal: .minutes(1)))
        #expect(try await seal(bench) == nil)
        try await events(bench, 3, "a")
        #expect(try await seal(bench) == 3)
        try await events(bench, 3, "b")
        #expect(try await seal(bench) == nil)
        bench.now = bench.now + .minutes(1)
        #expect(try await seal(bench) == 6)
        #expect(try await seal(bench, force: true) == nil)
        try await events(bench, 4, "c")
        bench.now = bench.now + .minutes(1)
        #expect(try await seal(bench) == 10)
        // Heads within a segment go with the next: what it says holds for them, too.
        #expect(try await bench.rows("SELECT number, closes FROM heads") == [["10", "1"]])
        #expect(try check(bench) == [])
    }

    @Test func aFullSegmentRingsForWhoSeals() async throws {
        let bench = try Bench(journal: JournalOptions(segment: 10))
        try await events(bench, 10)
        for await _ in bench.store.fullSegments { break }
        #expect(try await seal(bench) == 10)
    }

    @Test func anUnsignedHeadDoesNotReplaceASignedOne() async throws {
        let bench = try Bench(journal: JournalOptions(segment: 100))
        try await events(bench, 2, "a")
        _ = try await seal(bench, force: true)
        try await events(bench, 2, "b")
        _ = try await seal(bench, force: true, isSigned: false)
        #expect(try check(bench) == [.unsigned(head: 4)])
        #expect(try bench.check().heads == 2)
        try await events(bench, 2, "c")
        _ = try await seal(bench, force: true)
        #expect(try check(bench) == [])
        #expect(try bench.check().heads == 1)
    }

    @Test func aSoundJournalOfSeveralBootsHasNoFindings() async throws {
        let bench = try await sealed()
        try await bench.reopen()
        try await bench.reopen()
        try await events(bench, 3, "later")
        let newest = try #require(try JournalCheck.newestHead(of: bench.path))
        let report = try bench.check(expected: [(25, newest.statement.hash)]) { verifies($0, $1) }
        #expect(report.findings == [])
        #expect(report.rows == 28 && report.range == 1...28 && report.unsealed == 3)
        #expect(report.heads == 3 && report.signed == 3 && newest.statement.number == 25)
    }

    // MARK: - what is found

    @Test func aChangedRowIsFoundByItsHash() async throws {
        let bench = try await sealed()
        try await bench.falsify(13) { $0.outcome = .dead }
        #expect(try check(bench) == [.changed(13)])
    }

    @Test func aChangedRowWithTheChainMadeAnewIsFoundByTheNextHead() async throws {
        let bench = try await sealed()
        try await rewrite(bench, from: 13) { $0.outcome = .dead }
        #expect(try check(bench) == [.rewritten(head: 20, after: 10)])
        // With the heads made anew, too, by somebody without the key.
        try await bench.execute("UPDATE heads SET hash = (SELECT hash FROM journal j WHERE j.number = heads.number)")
        #expect(
            try check(bench)
                == [.signature(head: 20, keyID: "house-1"), .signature(head: 25, keyID: "house-1")])
    }

    @Test func aCutTailIsFoundByItsHeadAndWithTheHeadCutTooFromOutside() async throws {
        let bench = try await sealed()
        let newest = try #require(try JournalCheck.newestHead(of: bench.path)).statement
        try await bench.execute("DELETE FROM journal WHERE number > 22")
        #expect(try check(bench) == [.tail(23...25)])
        try await bench.execute("DELETE FROM heads WHERE number > 22; DELETE FROM journal WHERE number > 20")
        #expect(try check(bench) == [])
        #expect(try check(bench, [(newest.number, newest.hash)]) == [.expected(25, isThere: false)])
        #expect(try check(bench, [(20, newest.hash)]) == [.expected(20, isThere: true)])
    }

    @Test func aMissingSegmentIsFoundWithOrWithoutItsHead() async throws {
        let bench = try await sealed()
        try await bench.execute("DELETE FROM journal WHERE number BETWEEN 11 AND 20")
        #expect(try check(bench) == [.missing(11...20, isSegment: true)])
        try await bench.execute("DELETE FROM heads WHERE number = 20")
        #expect(try check(bench) == [.missing(11...20, isSegment: false)])
        try await bench.execute("DELETE FROM journal WHERE number = 23")
        #expect(
            try check(bench) == [.missing(11...20, isSegment: false), .missing(23...23, isSegment: false)])
    }

    @Test func aMissingBeginningIsNotTakenForRetention() async throws {
        let bench = try await sealed()
        try await bench.execute("DELETE FROM journal WHERE number <= 10")
        #expect(try check(bench) == [.beginning(1...10)])
        // Nor when a head is made to say that it was kept from there.
        try await bench.execute("UPDATE heads SET first = 11 WHERE number = 25")
        #expect(try check(bench) == [.signature(head: 25, keyID: "house-1")])
    }

    @Test func badForeignAndMissingSignaturesAreToldApart() async throws {
        let bench = try await sealed()
        try await bench.execute(
            """
            UPDATE heads SET signature = x'00' WHERE number = 10; UPDATE heads SET key = 'other' WHERE number = 20;
            UPDATE heads SET key = '' WHERE number = 25
            """)
        let found: [JournalFinding] = [
            .signature(head: 10, keyID: "house-1"), .unknownKey(head: 20, keyID: "other"), .unsigned(head: 25),
        ]
        #expect(try check(bench) == found)
        #expect(try bench.check().findings == [])
    }

    @Test func aChangedPayloadAndAWrongWriterAreFound() async throws {
        let bench = try Bench(journal: JournalOptions(keepsPayloads: true))
        try await events(bench, 2)
        try await bench.reopen()
        try await events(bench, 1, "later")
        #expect(try check(bench) == [])
        try await bench.execute("UPDATE journal_bodies SET body = x'00' WHERE number = 2")
        try await bench.execute("UPDATE writers SET genesis = x'\(String(repeating: "00", count: 32))' WHERE boot = 2")
        #expect(try check(bench) == [.writer(boot: 2), .payload(2)])
    }

    @Test func aCopyIsReadWithoutItsLogAndAnythingElseIsRefused() async throws {
        let bench = try await sealed()
        await bench.store.close()
        let copy = bench.folder.file("a copy?#%.db")
        try FileManager.default.copyItem(atPath: bench.path, toPath: copy)
        #expect(try JournalCheck(path: copy).run().rows == 25)
        #expect(!FileManager.default.fileExists(atPath: copy + "-wal"))
        try Data("no database".utf8).write(to: URL(filePath: bench.folder.file("text")))
        #expect(await failure { try JournalCheck(path: bench.folder.file("text")).run() }?.code == .storeCorrupt)
        #expect(await failure { try JournalCheck(path: bench.folder.file("none")).run() }?.code == .storeUnavailable)
    }

    // MARK: - retention

    @Test func oldRowsGoInWholeSegmentsOnceAHeadHasGivenThemUp() async throws {
        let bench = try await sealed(JournalOptions(keep: .days(30), segment: 10))
        bench.now = bench.now + .days(20)
        try await events(bench, 10, "new")
        #expect(try await seal(bench) == 35)
        bench.now = bench.now + .days(15)
        try await bench.settle()
        #expect(try bench.check().range == 1...35)
        #expect(try await seal(bench) == 35)
        try await bench.settle()
        // Rows 21 to 25 share their segment with younger ones.
        let report = try bench.check { verifies($0, $1) }
        #expect(report.findings == [] && report.range == 21...35 && report.first == 21)
        #expect(try await bench.rows("SELECT number FROM heads") == [["20"], ["35"]])
        #expect(try await bench.store.statistics().journal == 15)
        try await bench.execute("DELETE FROM journal WHERE number = 21")
        #expect(try check(bench) == [.beginning(21...21)])
    }

    @Test func allRowsMayGoAndNumbersAndChainGoOn() async throws {
        let bench = try await sealed(JournalOptions(keep: .days(30), segment: 10))
        for _ in 0..<3 {
            bench.now = bench.now + .days(40)
            _ = try await seal(bench)
            try await bench.settle()
        }
        #expect(try bench.check().range == nil)
        #expect(try await bench.store.newest() == 25)
        try await bench.reopen()
        try await bench.done("new")
        #expect(try await bench.store.journal(after: 0, atMost: 100).map(\.number) == [26])
        #expect(try check(bench) == [])
        #expect(try await bench.rows("SELECT count(*) FROM heads") == [["1"]])
        #expect(try await bench.store.statistics().journal == 1)
    }

    @Test func aSmallJournalClosesSegmentsByTimeSoThatLittleIsKeptForLonger() async throws {
        let bench = try Bench(journal: JournalOptions(keep: .days(32), segment: 1_000))
        for day in 0..<40 {
            try await bench.done("e-\(day)")
            bench.now = bench.now + .days(1)
            _ = try await seal(bench)
            try await bench.settle()
        }
        let report = try bench.check { verifies($0, $1) }
        #expect(report.findings == [])
        #expect((31...34).contains(report.rows))
        #expect(report.heads <= 35)
    }

    @Test func sizeIsKeptToWithPayloadsCounted() async throws {
        let options = JournalOptions(size: 40_000, segment: 1_000, keepsPayloads: true)
        let bench = try Bench(journal: options)
        for index in 0..<60 {
            let event = bench.event("e-\(index)", payload: String(repeating: "x", count: 2_000))
            let lease = try #require(try await bench.claim(bench.request(event)).lease)
            #expect(try await bench.commit(lease) == .committed)
            _ = try await seal(bench, force: true)
            try await bench.settle()
        }
        let report = try bench.check { verifies($0, $1) }
        #expect(report.findings == [])
        #expect((12...18).contains(report.rows))
        #expect(try await bench.rows("SELECT count(*) FROM journal_bodies") == [["\(report.rows)"]])
        let total = await bench.store.core.journalBytes
        try await bench.reopen()
        #expect(await bench.store.core.journalBytes == total)
    }

    @Test func theIndexShrinksWithTheRows() async throws {
        let bench = try Bench(journal: JournalOptions(keep: .days(1), segment: 1_000))
        try await bench.begin(behind: 2 * JournalKey.block - 1 - 6_000)
        for first in stride(from: 0, to: 9_000, by: 500) {
            let entries = (first..<first + 500).map { index -> JournalEntry in
                var entry = JournalEntry(time: bench.now, kind: .event, direction: .incoming, outcome: .done)
                entry.event = "e-\(index)"
                return entry
            }
            _ = try await bench.store.core.enqueue(.record(entries))
            _ = try await seal(bench)
        }
        for _ in 0..<40 { _ = try await bench.store.core.enqueue(.touch) }
        #expect(try await bench.rows("SELECT count(*) FROM journal_keys") == [["6000"]])
        bench.now = bench.now + .days(2)
        _ = try await seal(bench)
        try await bench.settle()
        #expect(try await bench.rows("SELECT count(*) FROM journal_keys") == [["0"]])
        // The last rows closed a segment only now.
        #expect(try await bench.store.statistics().journal == 500)
        bench.now = bench.now + .days(2)
        _ = try await seal(bench)
        try await bench.settle()
        #expect(try await bench.store.statistics().journal == 0)
    }
}
