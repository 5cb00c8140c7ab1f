import Cryptography
import Events
import Pipeline
import StoreCommon
import Testing

@testable import Store

/// Where the ledger finds its rows: in memory while they are new, in the file's index afterwards.
@Suite struct LedgerIndexTests {
    /// Commits events by tens, each done.
    private func commit(_ bench: Bench, _ numbers: Range<Int>) async throws {
        for first in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 10) {
            let requests = (first..<min(first + 10, numbers.upperBound)).map { number in
                bench.request(
                    bench.event("e-\(number)", payload: "\(number)", token: "t-\(number)"), message: "m-\(number)",
                    business: "b-\(number)")
            }
            let leases = try await bench.store.claim(requests, at: bench.now).map { try #require($0.lease) }
            let results = try await bench.store.commit(leases.map { bench.commitment($0) }, at: bench.now)
            #expect(results.allSatisfy { $0 == .committed })
        }
    }

    /// Every event by its id, by its token alone and by its business key alone: none of them runs again.
    private func expectDone(_ bench: Bench, _ numbers: some Sequence<Int>) async throws {
        for number in numbers {
            let payload = "\(number)"
            let same = bench.request(bench.event("e-\(number)", payload: payload))
            let byToken = bench.request(bench.event("new-\(number)", payload: payload, token: "t-\(number)"))
            let byKey = bench.request(bench.event("other-\(number)", payload: payload), business: "b-\(number)")
            let words = try await bench.store.claim([same, byToken, byKey], at: bench.now).map(\.word)
            #expect(words == ["done", "done", "done"], "event \(number)")
        }
    }

    private func indexed(_ bench: Bench) async throws -> Int {
        Int(try await bench.rows("SELECT coalesce(max(value), 0) FROM meta WHERE key = 'indexed'")[0][0]) ?? 0
    }

    private func keys(_ bench: Bench) async throws -> Int {
        Int(try await bench.rows("SELECT count(*) FROM ledger_keys")[0][0]) ?? 0
    }

    @Test func anEventIsFoundWhereverItsKeyIs() async throws {
        let bench = try Bench(ledgerBlock: 300)
        var sizes: Set<Int> = []
        for first in stride(from: 0, to: 400, by: 40) {
            try await commit(bench, first..<first + 40)
            sizes.insert(try await keys(bench))
            try await expectDone(bench, stride(from: 0, to: first + 40, by: 7))
        }
        // Some while the index was empty, some while a block was half in it, some when it was whole.
        #expect(sizes.contains(0) && sizes.contains { $0 > 0 && $0 % 300 != 0 })
        #expect(try await indexed(bench) >= 200)
    }

    @Test func aRestartFindsWhatTheIndexHasAndWhatItHasNot() async throws {
        let bench = try Bench(ledgerBlock: 300)
        for first in stride(from: 0, to: 250, by: 50) {
            try await commit(bench, first..<first + 50)
            try await bench.reopen()
            try await expectDone(bench, stride(from: 0, to: first + 50, by: 5))
        }
        #expect(try await indexed(bench) > 0)
        #expect(try await bench.store.statistics().ledger == 250)
    }

    @Test func consumersOfOneEventAreTold() async throws {
        let bench = try Bench(ledgerBlock: 20)
        let names = ["a", "b", "c"].map { QueueName($0) }
        for number in 0..<40 {
            for name in names {
                let request = bench.request(bench.event("e-\(number)"), queue: name)
                let lease = try #require(try await bench.claim(request).lease)
                #expect(try await bench.commit(lease) == .committed)
            }
        }
        for number in 0..<40 {
            let accounts = try await bench.store.accounts(of: "e-\(number)")
            #expect(accounts.map(\.consumer) == names)
            let other = bench.request(bench.event("e-\(number)"), queue: QueueName("d"))
            #expect(try await bench.claim(other).word == "granted")
        }
        #expect(try await keys(bench) > 0)
    }

    @Test func aRowThatIsReplacedIsFoundOnceAndItsOldKeysGo() async throws {
        let bench = try Bench(ledgerBlock: 20)
        for number in 0..<60 {
            let first = try await bench.lease("e-\(number)", business: "b-\(number)")
            let retry = bench.commitment(first, .retry(Failure(.handleRetried)))
            #expect(try await bench.store.commit([retry], at: bench.now) == [.committed])
        }
        for number in 0..<60 {
            let claim = try await bench.claim(bench.request(bench.event("e-\(number)"), business: "b-\(number)"))
            #expect(claim.history?.attempts == 1)
            #expect(try await bench.commit(try #require(claim.lease)) == .committed)
        }
        #expect(try await bench.store.statistics().ledger == 60)
        for number in 0..<60 {
            #expect(try await bench.store.accounts(of: "e-\(number)").map(\.state) == [.done])
        }
        let strays = "SELECT count(*) FROM ledger_keys WHERE row NOT IN (SELECT row FROM ledger)"
        #expect(try await bench.rows(strays) == [["0"]])
    }

    @Test func whatIsSweptLeavesTheIndex() async throws {
        let bench = try Bench(ledgerBlock: 300)
        // The last of them while their block is being written.
        try await commit(bench, 0..<110)
        #expect(try await keys(bench) > 0)
        bench.now = bench.now + .days(6)
        #expect(try await bench.store.sweep(at: bench.now) >= 110)
        try await commit(bench, 200..<240)
        try await expectDone(bench, 200..<240)
        let strays = "SELECT count(*) FROM ledger_keys WHERE row NOT IN (SELECT row FROM ledger)"
        #expect(try await bench.rows(strays) == [["0"]])
        // What went is new; and no row has a number that the index may know.
        try await commit(bench, 0..<20)
        try await bench.reopen()
        try await expectDone(bench, 0..<20)
        #expect(Int(try await bench.rows("SELECT min(row) FROM ledger")[0][0]) ?? 0 > 110)
    }

    /// What the file's index has, the filter may not deny.
    private func expectKnown(_ bench: Bench) async throws -> LedgerFilter {
        let filter = await bench.store.core.ledgerTail.filter
        let last = try await indexed(bench)
        for row in try await bench.rows("SELECT DISTINCT key FROM ledger_keys WHERE row <= \(last)") {
            #expect(filter.mayHave(try #require(Int64(row[0]))))
        }
        return filter
    }

    private func strangers(_ filter: LedgerFilter) -> Int {
        (0..<10_000).count { filter.mayHave(LedgerKey.make(event: "stranger-\($0)")) }
    }

    @Test func whatIsNewIsToldFromMemory() async throws {
        let bench = try Bench(ledgerBlock: 300)
        try await commit(bench, 0..<1_000)
        #expect(try await indexed(bench) > 800)
        #expect(strangers(try await expectKnown(bench)) < 100)
        try await bench.reopen()
        // Until it has read the whole index again, everything may be there.
        #expect(strangers(try await expectKnown(bench)) == 10_000)
        try await commit(bench, 1_000..<1_030)
        #expect(strangers(try await expectKnown(bench)) == 10_000)
        try await commit(bench, 1_030..<1_200)
        #expect(strangers(try await expectKnown(bench)) < 100)
        try await expectDone(bench, stride(from: 0, to: 1_200, by: 13))
    }

    @Test func nothingThatWasDoneIsTakenForNew() async throws {
        let bench = try Bench(ledgerBlock: 200)
        var random = SeededGenerator(seed: 7)
        var (first, last) = (0, 0)
        for round in 0..<24 {
            let more = Int.random(in: 1...120, using: &random)
            try await commit(bench, last..<last + more)
            last += more
            // Some are run again by an operator's word, so that their rows are others.
            for number in (first..<last).shuffled(using: &random).prefix(3) {
                try await bench.permit("e-\(number)")
                let event = bench.event("e-\(number)", payload: "\(number)", token: "t-\(number)")
                let claim = try await bench.claim(bench.request(event, business: "b-\(number)"))
                #expect(try await bench.commit(try #require(claim.lease)) == .committed)
            }
            if round % 5 == 3 { try await bench.reopen() }
            if round % 9 == 7 {
                bench.now = bench.now + .days(6)
                try await bench.store.sweep(at: bench.now)
                first = last
            }
            _ = try await expectKnown(bench)
            try await expectDone(bench, (first..<last).shuffled(using: &random).prefix(40))
        }
    }

    @Test func aFilterIsMadeAnewWhenItHasTwiceAsMuch() {
        var filter = LedgerFilter()
        var index: [Int64] = []
        var made = 0
        for first in stride(from: 0, to: 12_000, by: 400) {
            let keys = (first..<first + 400).map { LedgerKey.make(event: "e-\($0)") }
            for key in keys { filter.add(key) }
            index = (index + keys).sorted()
            if let reading = filter.reading(rows: index.count, added: keys.count) {
                if reading.behind == nil { made += 1 }
                filter.read(Array(index.drop { $0 <= reading.behind ?? .min }.prefix(reading.count)), reading)
            }
            #expect(stride(from: first % 7, to: index.count, by: 7).allSatisfy { filter.mayHave(index[$0]) })
        }
        #expect(made == 2)
        #expect(index.allSatisfy(filter.mayHave))
        #expect(strangers(filter) < 200)
    }

    @Test func aRowThatCannotBeReadIsNoNewEvent() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        try await bench.execute("UPDATE ledger SET entry = substr(entry, 1, length(entry) - 1)")
        #expect(await failure { try await bench.claim(bench.request(bench.event("e-1"))) }?.code == .storeCorrupt)
    }

    @Test func twoIdentitiesWithOneKeyAreTwoEvents() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        try await bench.done("e-2")
        // Nobody finds such a pair, so it is made: the first event's key leads to the second one's row, too.
        var tail = LedgerTail()
        tail.append([(7, 1), (7, 2)])
        let known = tail
        let rows = try await bench.store.core.look { tables in try known.rows(of: 7, in: tables) }
        #expect(rows == [1, 2])
        tail.remove([(7, 1)])
        let left = tail
        #expect(try await bench.store.core.look { tables in try left.rows(of: 7, in: tables) } == [2])
    }
}

/// Rows as bytes.
@Suite struct RecordTests {
    private var full: JournalEntry {
        var entry = JournalEntry(
            time: Instant(unixMilliseconds: -5), kind: .publication, direction: .outgoing, outcome: .gaveUp)
        (entry.queue, entry.message, entry.issuer, entry.event) = ("q", "m", "i", String(repeating: "e", count: 300))
        (entry.parent, entry.correlationID, entry.resource) = ("p", "c", "r\u{0}\u{e9}")
        (entry.source, entry.detailType, entry.tenantID, entry.userID) = ("s", "d", "t", "u")
        (entry.keyID, entry.stage, entry.code, entry.cause, entry.handler) = ("k", "st", "co", "ca", "h")
        (entry.generation, entry.attempt, entry.deliveries) = (.max, .min, 128)
        (entry.sentAt, entry.retryAt) = (Instant(unixMilliseconds: 1), Instant(unixMilliseconds: .max))
        (entry.waited, entry.took) = (.microseconds(127), .microseconds(-1))
        entry.payload = Hash.sha256([1])
        return entry
    }

    @Test func aRowIsReadAsItWasWritten() throws {
        for entry in [full, JournalEntry(time: .distantPast, kind: .event, direction: .incoming, outcome: .done)] {
            var record = RecordWriter()
            JournalRecord.write(entry, to: &record)
            #expect(record.bytes.withUnsafeBytes(JournalRecord.read) == entry)
        }
    }

    @Test func whatIsCutOrLongerIsNotRead() throws {
        var record = RecordWriter()
        JournalRecord.write(full, to: &record)
        for count in 0..<record.count {
            #expect(record.bytes.prefix(count).withUnsafeBytes { JournalRecord.read($0) } == nil)
        }
        #expect((record.bytes + [0]).withUnsafeBytes(JournalRecord.read) == nil)
    }

    @Test func hostileLengthsAreNotFollowed() {
        for bytes: [UInt8] in [
            [], [0xFF], Array(repeating: 0xFF, count: 9), Array(repeating: 0xFF, count: 30),
            [0] + Array(repeating: 0xFF, count: 9) + [1, 65],
        ] {
            #expect(bytes.withUnsafeBytes(JournalRecord.read) == nil)
            bytes.withUnsafeBytes { #expect(JournalRecord.Front($0).detailType.isEmpty) }
        }
    }

    @Test func theChainIsTheFormulaThatIsWrittenDown() {
        var record = RecordWriter()
        let hash = JournalChain.write(full, number: 3, boot: 2, after: JournalChain.nothing, to: &record)
        let place = [0, 0, 0, 0, 0, 0, 0, 32] + JournalChain.nothing.bytes + [0, 0, 0, 0, 0, 0, 0, 3]
            + [0, 0, 0, 0, 0, 0, 0, 2]
        #expect(hash == Hash.sha256(place + JournalChain.fields(of: full)))
        #expect(Array(record.bytes.prefix(JournalChain.placeBytes)) == place)
        let kept = record.bytes.dropFirst(JournalChain.placeBytes)
        let again = kept.withUnsafeBytes {
            JournalChain.hash(ofKept: $0, number: 3, boot: 2, after: JournalChain.nothing)
        }
        #expect(again == hash)
    }
}

/// When rows of the ledger go.
@Suite struct LedgerBlockTests {
    @Test func rowsGoWhenTheirOwnTimeIsOverWhateverIsBesideThem() async throws {
        let bench = try Bench()
        let count = 3 * Int(LedgerBlock.rows) / 2
        for first in stride(from: 0, to: count, by: 64) {
            let numbers = first..<min(first + 64, count)
            let leases = try await bench.store.claim(
                numbers.map { bench.request(bench.event("e-\($0)")) }, at: bench.now
            ).compactMap(\.lease)
            // Of each ten, one is kept for longer.
            let commitments = zip(numbers, leases).map {
                bench.commitment($1, keep: $0 % 10 == 0 ? .days(9) : .days(5))
            }
            _ = try await bench.store.commit(commitments, at: bench.now)
        }
        let kept = (0..<count).count { $0 % 10 == 0 }
        try await bench.reopen()
        for (days, left) in [(Int64(4), count), (2, kept), (2, kept), (2, 0)] {
            bench.now = bench.now + .days(days)
            try await bench.store.sweep(at: bench.now)
            #expect(try await bench.store.statistics().ledger == left)
            let claim = try await bench.claim(bench.request(bench.event("e-10", signedAt: bench.now)))
            #expect(claim.word == (left > 0 ? "done" : "granted"))
        }
        #expect(try await bench.rows("SELECT count(*) FROM ledger_blocks") == [["0"]])
        #expect(try await bench.rows("SELECT count(*) FROM ledger_keys") == [["0"]])
    }

    @Test func theNewestBlockIsKnownAgainAfterARestart() async throws {
        let bench = try Bench()
        for number in 0..<5 {
            try await bench.done("e-\(number)")
            try await bench.reopen()
        }
        #expect(try await bench.rows("SELECT count(*) FROM ledger_blocks") == [["0"]])
        bench.now = bench.now + .days(6)
        #expect(try await bench.store.sweep(at: bench.now) == 5)
    }

    @Test func aLongerHistoryKeepsARowFromBeingSwept() async throws {
        let bench = try Bench()
        try await bench.done("e-1")
        try await bench.permit("e-1")
        let lease = try #require(try await bench.claim(bench.request(bench.event("e-1"))).lease)
        let retry = bench.commitment(lease, .retry(Failure(.handleRetried)), keep: .days(20))
        #expect(try await bench.store.commit([retry], at: bench.now) == [.committed])
        bench.now = bench.now + .days(6)
        try await bench.store.sweep(at: bench.now)
        #expect(try await bench.store.statistics().ledger == 1)
        bench.now = bench.now + .days(15)
        try await bench.store.sweep(at: bench.now)
        #expect(try await bench.store.statistics().ledger == 0)
    }
}
