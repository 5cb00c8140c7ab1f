import Events
import Foundation
import LocalCloud
import Pipeline
import Store
import Support
import Testing

/// The real binary, the ledger service of the examples and a plugin, in a storm of kills, freezes and broken networks:
/// each payment is booked once, each event counted once, and nothing but poison is in the dead letters.
///
/// `Tests/Chaos/run` lets it rage for longer, under any seed.
@Suite(.serialized, .timeLimit(.minutes(Extent.timeLimit))) struct ChaosTests {
    static let seed = Extent.seed
    static let events = Extent.minutes > 0 ? 1_000 : 300

    @Test func aStormLosesNothingAndDoublesNothing() async throws {
        let house = try House()
        var options = LocalCloud.Options()
        let document = ArraySlice(house.keySet)
        options.keySet = { document }
        options.seed = Self.seed
        try await LocalCloud.serving(options) { first in
            try await LocalCloud.serving(options) { second in
                let chaos = try ChaosHouse(house, [first, second])
                defer { chaos.proxy.close() }
                try await Self.weather(chaos)
            }
        }
    }

    private static func weather(_ house: ChaosHouse) async throws {
        let start = ContinuousClock.now
        var storm = Storm(house, seed: seed)
        try await storm.rage(until: start + .seconds(60 * Extent.minutes), atLeast: events)
        house.setFaults(Faults())
        let ended = await eventually(within: .seconds(300)) {
            guard house.backlog == 0 else { return false }
            return await house.sidecar.metric("outrigger_outbox_events") == 0
        }
        #expect(ended, "seed \(seed), left \(house.backlog)\n\(house.sidecar.lines.suffix(4000))")
        #expect(house.sidecar.stop() == 0)
        house.ledger.signal(SIGTERM)
        #expect(house.ledger.end() != nil)
        try await check(house)
        let blows = storm.toll.map { "\($0.key.rawValue) \($0.value)" }.sorted().joined(separator: ", ")
        let words = """
            seed \(seed): \(house.sent) events a queue, \(house.again) sent again, \(storm.toll.values.reduce(0, +)) \
            blows in \((ContinuousClock.now - start).components.seconds) s: \(blows)

            """
        try FileHandle.standardOutput.write(contentsOf: Data(words.utf8))
    }

    /// What the journal of a store that lies still calls done, each with its queue.
    private static func doneEvents(_ path: String) async throws -> [String] {
        let store = try SQLiteStore.open(StoreOptions(path: path, durability: .ephemeral))
        var query = JournalQuery()
        (query.outcome, query.atMost) = (.done, Limits.journalPage)
        var found: [String] = []
        while true {
            let rows = try await store.rows(query)
            found += rows.filter { $0.entry.direction == .incoming }.map { "\($0.entry.queue) \($0.entry.event)" }
            guard let last = rows.last, rows.count == query.atMost else { break }
            query.after = last.number
        }
        await store.close()
        return found
    }

    private static func check(_ house: ChaosHouse) async throws {
        let good = house.good
        // The ledger: each good payment, under one key.
        let booked = try house.house.ask(
            house.house.folder.file("ledger.db"),
            """
            SELECT (SELECT count(*) FROM payment), (SELECT count(*) FROM step), (SELECT count(*) FROM answered)
            """)
        #expect(booked == [good.count, good.count, good.count], "seed \(seed)")
        // The plugin: each good event counted once, and told once.
        #expect(try house.volume.run("cp outrigger.db \(house.house.folder.path)").status == 0)
        let store = house.house.folder.file("outrigger.db")
        let counted = try house.house.ask(
            store, "SELECT count(*), count(CASE WHEN CAST(value AS TEXT) = '1' THEN 1 END) FROM state")
        #expect(counted == [good.count, good.count], "seed \(seed)")
        #expect(house.published == good.count, "seed \(seed)")
        // The journal: no event was done twice.
        let done = try await doneEvents(store)
        #expect(done.count == 2 * good.count && Set(done).count == done.count, "seed \(seed)")
        // Dead letters: the poison, and the forged.
        for queue in ChaosSettings.queues {
            let numbers = 0..<house.sent
            let expected = [
                "handle.rejected": Set(numbers.filter(house.isPoison)),
                "verify.bad-signature": Set(numbers.filter(house.isForged)),
            ]
            #expect(house.letters(queue) == expected, "seed \(seed)")
        }
    }
}
