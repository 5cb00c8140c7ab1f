import Events
import Foundation
import LocalCloud
import Support
import Testing

/// Sidecars on one queue and one store, while sidecars and store are killed and every fifth message comes twice: each
/// payment is booked once, each event counted once.
///
/// Two of them and some hundred payments in a test run; four, with thousands, under any seed, by
/// `Tests/Chaos/run shared`.
@Suite(.serialized, .timeLimit(.minutes(Extent.timeLimit)))
struct SharedStoreTests {
    enum Blow: String, CaseIterable {
        case killBoth, killSidecar, failStore, killTwo, freezeSidecar
    }

    @Test func killsOfSidecarsAndStoreDoubleNothingAndLoseNothing() async throws {
        let house = try House()
        var options = LocalCloud.Options()
        let document = ArraySlice(house.keySet)
        options.keySet = { document }
        options.seed = Extent.seed
        try await LocalCloud.serving(options) { cloud in
            var faults = Faults()
            faults.duplicate = 0.2
            cloud.setFaults(faults)
            let shared = try await SharedHouse(house, cloud, try SharedStore(Extent.store))
            let toll = try await Self.rage(shared)
            let isAtRest = await eventually(within: .seconds(300)) { await shared.isAtRest() }
            #expect(isAtRest, "seed \(Extent.seed), left \(shared.backlog)\n\(shared.words)")
            for sidecar in shared.sidecars { #expect(sidecar.stop() == 0) }
            shared.ledger.signal(SIGTERM)
            #expect(shared.ledger.end() != nil)
            try Self.check(shared)
            let words = """
                seed \(Extent.seed), \(Extent.store): \(shared.sent) payments, \(shared.again) sent again, \
                \(toll.map { "\($0.key.rawValue) \($0.value)" }.sorted().joined(separator: ", "))

                """
            try FileHandle.standardOutput.write(contentsOf: Data(words.utf8))
        }
    }

    /// A blow for each part of the events, while those are at work.
    private static func rage(_ house: SharedHouse) async throws -> [Blow: Int] {
        var random = SeededGenerator(seed: Extent.seed)
        var toll: [Blow: Int] = [:]
        let part = max(100, Extent.shared / 40)
        for place in 0..<Extent.shared / part {
            try house.publish(part, &random)
            let before = house.settled
            _ = await eventually(within: .seconds(20)) { house.settled >= before + part / 4 }
            let blow = Blow.allCases[place % Blow.allCases.count]
            try await strike(blow, house, &random)
            toll[blow, default: 0] += 1
            // What the blow has hit comes to its end beside the next part.
            let isWorking = await eventually(within: .seconds(120)) { house.backlog < 2 * part }
            #expect(isWorking, "seed \(Extent.seed), after \(blow): left \(house.backlog)\n\(house.words)")
            guard isWorking else { break }
        }
        return toll
    }

    private static func strike(_ blow: Blow, _ house: SharedHouse, _ random: inout SeededGenerator) async throws {
        let numbers = Array(0..<SharedHouse.count).shuffled(using: &random)
        let time = Duration.milliseconds(Int.random(in: 0...3_000, using: &random))
        switch blow {
        case .killSidecar: try await house.kill([numbers[0]], for: time)
        case .failStore: try await house.store.fail(for: time)
        case .killTwo: try await house.kill(Array(numbers.prefix(2)), for: time)
        case .freezeSidecar:
            // For longer than its messages are invisible and its claims last: when it thaws, others have them.
            house.sidecars[numbers[0]].signal(SIGSTOP)
            try? await Task.sleep(for: .seconds(15))
            house.sidecars[numbers[0]].signal(SIGCONT)
        case .killBoth:
            let store = house.store
            async let failing: Void = store.fail(for: time)
            try await house.kill([numbers[0]], for: .zero)
            try await failing
        }
    }

    private static func check(_ house: SharedHouse) throws {
        let seed = "seed \(Extent.seed)"
        // The ledger: each payment, each step of it once.
        let booked = try house.house.ask(
            house.house.folder.file("ledger.db"),
            "SELECT (SELECT count(*) FROM payment), (SELECT count(*) FROM step), (SELECT count(*) FROM answered)")
        try #require(booked.count == 3)
        #expect(booked[0] == house.booked.count && booked[1] == house.booked.count, "\(seed): \(booked)")
        // A payment may come to the service twice, where the end of its run was lost with a sidecar: under another key,
        // if it is another event of the same payment that is run then. The ledger's own rule holds: one step once.
        #expect((house.booked.count...house.booked.count + house.renamed).contains(booked[2]), "\(seed): \(booked)")
        #expect(house.cloud.publishedIDs.count == house.counted.count, "\(seed)")
        for queue in ChaosSettings.queues {
            let refused = house.refused(queue)
            let letters = house.cloud.numberedLetters(queue)
            #expect(letters == (refused.isEmpty ? [:] : ["handle.rejected": refused]), "\(seed)")
        }
        guard case .postgreSQL(let server, let schema) = house.store else { return }
        let counted = try server.ask(
            "SELECT count(*), count(*) FILTER (WHERE convert_from(value, 'UTF8') = '1') FROM \(schema).state")
        #expect(counted == "\(house.counted.count)|\(house.counted.count)", "\(seed)")
        // Every one of them was done: as many rows, and none was done twice.
        let done = try server.ask(
            """
            SELECT count(*) FROM
                (SELECT outcome FROM \(schema).journal UNION ALL SELECT outcome FROM \(schema).journal_tail) AS rows
                WHERE outcome = 'done'
            """)
        let total = house.booked.count + house.counted.count
        #expect(done == "\(total)", "\(seed)")
    }
}
