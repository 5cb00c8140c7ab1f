import Events
import Pipeline
import Testing

@testable import Store

@Suite struct StateTests {
    private func put(_ key: String, _ value: String, expected: UInt64? = nil, ttl: Duration? = nil) -> StateWrite {
        StateWrite(key: Bytes(key), value: Bytes(value), expected: expected, timeToLive: ttl)
    }

    @Test func whatIsWrittenIsReadByItsHandlerAlone() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(writes: [put("k", "one")]))
        try await bench.reopen()
        #expect(try await bench.value("k").value.text == "one")
        #expect(try await bench.value("k", of: HandlerID("token")).version == 0)
        let both = try await bench.store.read([Bytes("none"), Bytes("k")], of: bench.handler, at: bench.now)
        #expect(both.map(\.key.text) == ["none", "k"])
        #expect(both.map(\.value.text) == ["", "one"])
    }

    @Test func aThousandIncrementsWithExpectedVersionsEndAtAThousand() async throws {
        #expect(try await increments(blind: false) == 1_000)
    }

    @Test func aThousandIncrementsGuardedByTheirReadsEndAtAThousand() async throws {
        #expect(try await increments(blind: true) == 1_000)
    }

    /// Batches of ten that all read one key and write it; losers run again.
    private func increments(blind: Bool) async throws -> Int {
        let bench = try Bench()
        var queue = (0..<1_000).map { "e-\($0)" }[...]
        while !queue.isEmpty {
            let ids = queue.prefix(10)
            queue = queue.dropFirst(10)
            let requests = ids.map { bench.request(bench.event($0), message: $0) }
            let leases = try await bench.store.claim(requests, at: bench.now).compactMap(\.lease)
            #expect(leases.count == ids.count)
            var waiting = leases
            while !waiting.isEmpty {
                var commitments: [Commitment] = []
                let seen = try await bench.value("n")
                for lease in waiting {
                    let next = "\((Int(seen.value.text) ?? 0) + 1)"
                    let effects = Effects(
                        reads: [StateRead(key: Bytes("n"), version: seen.version)],
                        writes: [put("n", next, expected: blind ? nil : seen.version)])
                    commitments.append(bench.commitment(lease, .done(effects)))
                }
                let results = try await bench.store.commit(commitments, at: bench.now)
                #expect(results.count { $0 == .committed } == 1)
                #expect(results.allSatisfy { $0 == .committed || $0 == .lostState })
                waiting = zip(waiting, results).filter { $0.1 == .lostState }.map(\.0)
            }
        }
        return try #require(Int(try await bench.value("n").value.text))
    }

    @Test func anEventSeesWhatWasAnsweredDoneAndCommitsAfterIt() async throws {
        let bench = try Bench()
        let core = bench.store.core
        let first = bench.commitment(try await bench.lease("e-1"), .done(Effects(writes: [put("k", "one")])))
        let second = try await bench.lease("e-2")
        let entry = await core.prepare(first, at: bench.now)
        let seen = try await bench.value("k")
        #expect(seen.value.text == "one")
        try await core.enqueue(.commit([entry]))
        #expect(try await bench.value("k") == seen)
        let effects = Effects(
            reads: [StateRead(key: seen.key, version: seen.version)], writes: [put("k", "two", expected: seen.version)])
        #expect(try await bench.commit(second, .done(effects)) == .committed)
        #expect(try await bench.value("k").value.text == "two")
    }

    @Test func dependantsCommitTogetherInOneTransaction() async throws {
        let bench = try Bench()
        let core = bench.store.core
        let first = bench.commitment(try await bench.lease("e-1"), .done(Effects(writes: [put("k", "one")])))
        let entry = await core.prepare(first, at: bench.now)
        let seen = try await bench.value("k")
        let effects = Effects(writes: [put("k", "two", expected: seen.version)])
        let second = bench.commitment(try await bench.lease("e-2"), .done(effects))
        let answer = try await core.enqueue(.commit([entry, core.prepare(second, at: bench.now)]))
        guard case .results(let results) = answer else {
            Issue.record("no results")
            return
        }
        #expect(results == [.committed, .committed])
        #expect(try await bench.value("k").value.text == "two")
    }

    @Test func whoSawAWriteThatIsRolledBackLosesAndRunsAgain() async throws {
        let bench = try Bench()
        let core = bench.store.core
        let stale = Effects(reads: [StateRead(key: Bytes("other"), version: 99)], writes: [put("k", "wrong")])
        let first = bench.commitment(try await bench.lease("e-1"), .done(stale))
        let second = try await bench.lease("e-2")
        let entry = await core.prepare(first, at: bench.now)
        let seen = try await bench.value("k")
        #expect(seen.value.text == "wrong")
        try await core.enqueue(.commit([entry]))
        let effects = Effects(writes: [put("k", "two", expected: seen.version)])
        #expect(try await bench.commit(second, .done(effects)) == .lostState)
        #expect(try await bench.value("k").version == 0)
        #expect(try await bench.commit(second, .done(Effects(writes: [put("k", "two", expected: 0)]))) == .committed)
    }

    @Test func versionsNeverRepeatAlsoAfterAnEraseAndARestart() async throws {
        let bench = try Bench()
        var versions: [UInt64] = []
        for round in 0..<3 {
            try await bench.done("put-\(round)", Effects(writes: [put("k", "v")]))
            versions.append(try await bench.value("k").version)
            let erase = StateWrite(key: Bytes("k"), value: nil, expected: versions.last)
            try await bench.done("erase-\(round)", Effects(writes: [erase]))
            #expect(try await bench.value("k").version == 0)
            try await bench.reopen()
        }
        #expect(Set(versions).count == 3)
        #expect(versions == versions.sorted())
    }

    @Test func aBlindWriteOnAKeyThatWasNeverReadAlwaysCommits() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(writes: [put("k", "one")]))
        try await bench.done("e-2", Effects(writes: [put("k", "two")]))
        #expect(try await bench.value("k").value.text == "two")
    }

    @Test func absentMeansAbsent() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(writes: [put("k", "one", expected: 0)]))
        let lease = try await bench.lease("e-2")
        #expect(try await bench.commit(lease, .done(Effects(writes: [put("k", "two", expected: 0)]))) == .lostState)
    }

    @Test func aKeyWhoseTimeIsOverIsAbsentBeforeAndAfterTheSweep() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(writes: [put("k", "one", ttl: .seconds(10)), put("l", "two")]))
        #expect(try await bench.value("k").version != 0)
        bench.now = bench.now + .seconds(10)
        #expect(try await bench.value("k").version == 0)
        #expect(try await bench.store.statistics().state == 2)
        #expect(try await bench.store.sweep(at: bench.now) == 1)
        #expect(try await bench.store.statistics().state == 1)
        try await bench.done("e-2", Effects(writes: [put("k", "new", expected: 0)]))
        #expect(try await bench.value("k").value.text == "new")
    }

    @Test func anEmptyValueIsAValue() async throws {
        let bench = try Bench()
        try await bench.done("e-1", Effects(writes: [put("k", "")]))
        try await bench.reopen()
        #expect(try await bench.value("k").version != 0)
        #expect(try await bench.value("k").value.isEmpty)
    }
}
