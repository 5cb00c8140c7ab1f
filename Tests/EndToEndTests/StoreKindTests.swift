import Events
import Foundation
import JSON
import LocalCloud
import Support
import Testing

/// Two real sidecars over a real PostgreSQL, and over a DynamoDB of others: what is asked of one is answered for both.
@Suite(.serialized, .timeLimit(.minutes(5))) struct StoreKindTests {
    enum Kind: String, CaseIterable { case postgreSQL, moto, miniStack }

    private static func section(_ kind: Kind) throws -> String {
        guard kind != .postgreSQL else { return StoreHouse.postgreSQL(try PostgreSQLServer.shared()) }
        let cloud = try ForeignCloud(kind == .moto ? .moto : .miniStack)
        return StoreHouse.dynamoDB(cloud.endpoint, table: PostgreSQLServer.freshName())
    }

    @Test(arguments: Kind.allCases)
    func eachEventIsHandledOnceAndEitherSidecarAnswersForBoth(kind: Kind) async throws {
        // A copy of a message that is in hand is only seen when its visibility ends.
        try await House.inLocalCloud(visibility: 10) { house, cloud in
            var faults = Faults()
            // Moto's transactions undo what others wrote meanwhile (Decisions/0020): there nothing may contend.
            faults.duplicate = kind == .moto ? 0 : 0.3
            cloud.setFaults(faults)
            let shared = StoreHouse(house, cloud, try Self.section(kind))
            for number in 0..<2 { try shared.write(number) }
            let count = kind == .moto ? 6 : 60
            if kind != .postgreSQL {
                let made = try await shared.outrigger("store migrate \(house.folder.file("outrigger-0.yaml")) --create")
                #expect(made.status == 0 && made.output.hasSuffix(": made\n"), "\(made.output)")
            }
            let first = try shared.start(0)
            #expect(await first.isReady(), "\(first.lines.suffix(2000))")
            try house.put(try house.payments(0..<count / 2), to: cloud)
            if kind == .moto { #expect(await eventually { cloud.isEmpty("main") }, "\(first.lines.suffix(2000))") }
            let second = try shared.start(1)
            #expect(await second.isReady(), "\(second.lines.suffix(2000))")
            try house.put(try house.payments(count / 2..<count), to: cloud)
            let isPublished = await eventually { cloud.publishedIDs.count == count }
            #expect(isPublished)
            cloud.setFaults(Faults())
            let isDone = await eventually { cloud.isEmpty("main") }
            let queue = cloud.statistics.queue("main")
            #expect(
                isDone,
                """
                \(cloud.publishedIDs.count) of \(count), left \(String(describing: queue))
                \(first.lines.suffix(2000))\n---\n\(second.lines.suffix(2000))
                """)

            // An event that only the first can have handled, asked of the second; and all of both, of either.
            for number in 0..<2 {
                let socket = "--socket \(shared.socket(number))"
                let told = try await shared.outrigger("explain payment-1 \(socket)")
                #expect(told.status == 0 && told.output.contains("done"), "\(told.output)")
                let timeline = try await shared.outrigger("events c-payment-1 --json \(socket)").output
                #expect(timeline.split(separator: "\"outcome\":\"done\"").count == 2, "done once: \(timeline)")
                #expect(timeline.contains("\"outcome\":\"sent\""), "with what it published: \(timeline)")
                let status = try await shared.json("status \(socket)")
                #expect(status["outbox"]?["rows"]?.int == 0)
            }
            let stats = try await shared.json("store stats \(house.folder.file("outrigger-0.yaml"))")
            #expect(stats["tables"]?["outbox"]?.int == 0 && stats["oldestInOutbox"]?.isNull == true, "\(stats)")
            #expect((stats["newestInJournal"]?.int ?? 0) >= 2 * count, "\(stats)")
            #expect(try await shared.unfit() == [])
            #expect(first.stop() == 0)
            #expect(second.stop() == 0)
        }
    }

    @Test func lettersOfTheStoreAreFoundAndSentBackByAnybody() async throws {
        try await House.inLocalCloud { house, cloud in
            let shared = StoreHouse(house, cloud, StoreHouse.postgreSQL(try PostgreSQLServer.shared()))
            let file = try shared.write(0, handler: "config: {refuse: true}", shelves: true)
            try shared.write(1, handler: "config: {refuse: true}", shelves: true)
            let (first, second) = (try shared.start(0), try shared.start(1))
            #expect(await first.isReady())
            #expect(await second.isReady())
            try house.put(try house.payments(0..<4), to: cloud)
            #expect(await eventually { cloud.isEmpty("main") }, "\(first.lines.suffix(2000))")
            // By the socket of one, of the other, and from here, with the operator's own connection.
            for way in ["--socket \(shared.socket(0))", "--socket \(shared.socket(1))", ""] {
                let list = try await shared.outrigger("dead-letters list --config \(file) \(way)")
                #expect(list.status == 0 && list.output.split(separator: "\n").count == 5, "\(list.output)")
            }
            for number in 0..<2 { try shared.write(number, shelves: true) }
            for sidecar in [first, second] {
                sidecar.hangUp()
                #expect(await eventually { await sidecar.metric("outrigger_generation") == 2 })
            }
            let redriven = try await shared.outrigger("dead-letters redrive --all --yes --config \(file)")
            #expect(redriven.status == 0 && redriven.output.contains("4 letters sent back."), "\(redriven.output)")
            #expect(await eventually { cloud.publishedIDs.count == 4 && cloud.isEmpty("main") })
            let told = try await shared.outrigger("explain payment-2 --socket \(shared.socket(1))")
            #expect(told.output.contains("redriven"), "\(told.output)")
            #expect(first.stop() == 0)
            #expect(second.stop() == 0)
        }
    }

    @Test func whileTheStoreIsAwayNoHandlerRunsAndNothingNeedsARestart() async throws {
        let server = try PostgreSQLServer()
        try await House.inLocalCloud { house, cloud in
            let shared = StoreHouse(house, cloud, StoreHouse.postgreSQL(server, ", patience: 2s"))
            for number in 0..<2 { try shared.write(number) }
            let sidecars = [try shared.start(0), try shared.start(1)]
            for sidecar in sidecars { #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(2000))") }
            try house.put(try house.payments(0..<10), to: cloud)
            #expect(await eventually { cloud.publishedIDs.count == 10 })

            async let failing: Void = offPool { try server.restart("INT", after: .seconds(20)) }
            for sidecar in sidecars {
                let falls = await eventually {
                    let answer = await sidecar.get("/readyz")
                    return answer?.status == 503 && answer?.text.contains("store: store.unavailable") == true
                }
                #expect(falls, "\(sidecar.lines.suffix(2000))")
            }
            try house.put(try house.payments(10..<20), to: cloud)
            // What a poll that was under way has brought goes back: nobody hides it from who may reach the store.
            let isReleased = await eventually(within: .seconds(12)) {
                let queue = cloud.statistics.queue("main")
                return queue?.depth == 10 && queue?.inFlight == 0
            }
            #expect(isReleased, "\(String(describing: cloud.statistics.queue("main")))")
            for sidecar in sidecars {
                #expect(await sidecar.metric("outrigger_store_away") == 1)
                #expect(sidecar.isRunning)
            }
            #expect(cloud.publishedIDs.count == 10)
            try await failing
            for sidecar in sidecars { #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(2000))") }
            #expect(await eventually { cloud.publishedIDs.count == 20 && cloud.isEmpty("main") })
            for sidecar in sidecars {
                #expect(await sidecar.metric("outrigger_store_away") == 0)
                #expect(sidecar.stop() == 0)
            }
        }
    }
}
