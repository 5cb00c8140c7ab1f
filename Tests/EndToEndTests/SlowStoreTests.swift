import Foundation
import LocalCloud
import Support
import Testing

/// A shared store that answers slowly, or half: deadlines end that, and nothing but them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SlowStoreTests {
    enum Kind: String, CaseIterable { case postgreSQL, miniStack }
    enum Trouble: String, CaseIterable {
        /// Answers come later than anybody waits.
        case slow
        /// Each answer stops in its middle, and its connection is silent for ever.
        case halves

        var weather: FaultProxy.Weather {
            self == .slow ? .slow(milliseconds: 6_000, bytesPerSecond: 10_000_000) : .halves
        }
    }

    /// A store with two ways to it: one that breaks, and one that does not.
    private struct Ways {
        let shared: StoreHouse
        /// What stands behind `store:` for the one that breaks.
        let section: String
        let proxy: FaultProxy
        /// It ends with whoever has it.
        var server: PostgreSQLServer?
    }

    private static func ways(_ kind: Kind, _ house: House, _ cloud: LocalCloud) throws -> Ways {
        switch kind {
        case .postgreSQL:
            var options = PostgreSQLServer.Options()
            let port = TestServer.freePort()
            options.port = port
            let server = try PostgreSQLServer(options)
            let proxy = try FaultProxy(to: port)
            let schema = PostgreSQLServer.freshName()
            let section = { StoreHouse.postgreSQL(server, port: $0, schema: schema, ", patience: 2s") }
            let shared = StoreHouse(house, cloud, section(port))
            return Ways(shared: shared, section: section(proxy.port), proxy: proxy, server: server)
        case .miniStack:
            let server = try ForeignCloud(.miniStack)
            let table = PostgreSQLServer.freshName()
            try server.makeTable(table)
            let proxy = try FaultProxy(to: try server.port)
            let shared = StoreHouse(house, cloud, StoreHouse.dynamoDB(server.endpoint, table: table))
            let section = StoreHouse.dynamoDB(proxy.endpoint, table: table)
            return Ways(shared: shared, section: section, proxy: proxy)
        }
    }

    @Test(arguments: Kind.allCases, Trouble.allCases)
    func whatIsInHandGoesBackAndEachPaymentIsDoneOnce(kind: Kind, trouble: Trouble) async throws {
        try await House.inLocalCloud(visibility: 10) { house, cloud in
            let ways = try Self.ways(kind, house, cloud)
            defer { withExtendedLifetime(ways) { ways.proxy.close() } }
            let (shared, proxy) = (ways.shared, ways.proxy)
            try shared.write(0, way: ways.section)
            try shared.write(1)
            let first = try shared.start(0)
            try #require(await first.isReady(), "\(first.lines.suffix(2000))")

            // Late, and in time all the same: nobody minds.
            proxy.weather = .slow(milliseconds: 50, bytesPerSecond: 10_000_000)
            try house.put(try house.payments(0..<5), to: cloud)
            #expect(await eventually { cloud.publishedIDs.count == 5 }, "\(first.lines.suffix(2000))")
            #expect(await first.get("/readyz")?.status == 200)

            // In the middle of its work.
            try house.put(try house.payments(5..<25), to: cloud)
            #expect(await eventually(every: .milliseconds(5)) { cloud.statistics.queue("main")?.inFlight ?? 0 > 0 })
            proxy.weather = trouble.weather
            let isSaid = await eventually {
                let answer = await first.get("/readyz")
                return answer?.status == 503 && answer?.text.contains("store: store.unavailable") == true
            }
            #expect(isSaid, "\(first.lines.suffix(2000))")
            #expect(await first.get("/healthz")?.status == 200)
            // What comes now is for others: nothing is kept from them.
            try house.put(try house.payments(25..<35), to: cloud)
            let second = try shared.start(1)
            #expect(await second.isReady(), "\(second.lines.suffix(2000))")
            let fresh = Set((25..<35).map { "payment-\($0)" })
            var left = fresh
            let isTakenOver = try await eventually(every: .milliseconds(500)) {
                left.subtract(try await shared.done(asking: 1).keys)
                return left.isEmpty
            }
            let queue = cloud.statistics.queue("main")
            #expect(
                isTakenOver,
                """
                left: \(left.sorted()), \(String(describing: queue))
                \(first.lines.suffix(4000))\n---\n\(second.lines.suffix(2000))
                """)

            proxy.weather = .fine
            #expect(await first.isReady(), "\(first.lines.suffix(2000))")
            let isDone = await eventually(within: .seconds(90)) {
                cloud.isEmpty("main") && cloud.publishedIDs.count == 35
            }
            #expect(isDone, "left: \(cloud.publishedIDs.count)\n\(first.lines.suffix(3000))")
            let done = try await shared.done()
            #expect(done.count == 35 && done.values.allSatisfy { $0 == 1 }, "\(done)")
            #expect(cloud.peek("main-dlq").isEmpty)
            #expect(first.stop() == 0)
            #expect(second.stop() == 0)
        }
    }
}
