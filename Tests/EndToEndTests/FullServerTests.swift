import Foundation
import LocalCloud
import Support
import Testing

/// A PostgreSQL that has no more room: really none.
@Suite(.serialized, .timeLimit(.minutes(5))) struct FullServerTests {
    private static let before = 20
    private static let count = 80

    /// Its tables are on a small volume, all else is not.
    private static func server(_ volume: SmallVolume) throws -> PostgreSQLServer {
        var options = PostgreSQLServer.Options()
        options.launcher = volume.userLauncher
        let server = try PostgreSQLServer(options)
        // Its own user makes the folder.
        try server.administer("COPY (SELECT) TO PROGRAM 'mkdir -m 700 \(volume.path)/tables'")
        try server.administer("CREATE TABLESPACE small LOCATION '\(volume.path)/tables'")
        try server.administer("ALTER ROLE outrigger SET default_tablespace = small")
        return server
    }

    /// Two sidecars that have done the first payments.
    private static func started(
        _ shared: StoreHouse, _ house: House, _ cloud: LocalCloud
    ) async throws -> [SidecarProcess] {
        for number in 0..<2 { try shared.write(number) }
        let sidecars = [try shared.start(0), try shared.start(1)]
        for sidecar in sidecars { #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(2000))") }
        try house.put(try house.payments(0..<before), to: cloud)
        #expect(await eventually { cloud.publishedIDs.count == before && cloud.isEmpty("main") })
        return sidecars
    }

    @Test func aFullTableSpacePausesTheQueueRunsNothingTwiceAndLosesNothing() async throws {
        try await House.inLocalCloud { house, cloud in
            let volume = try SmallVolume(of: house, megabytes: 24)
            let server = try Self.server(volume)
            let shared = StoreHouse(house, cloud, StoreHouse.postgreSQL(server, ", patience: 3s"))
            let sidecars = try await Self.started(shared, house, cloud)
            #expect(try await shared.unfit() == [])

            try volume.fill()
            try house.put(try house.payments(Self.before..<Self.count), to: cloud)
            try await Self.staysFull(sidecars)
            let unfit = try await shared.unfit()
            #expect(unfit.contains { $0.contains("No space left on device") && $0.contains("Grow it") }, "\(unfit)")

            try volume.free()
            for sidecar in sidecars { #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(2000))") }
            let isDone = await eventually(within: .seconds(90)) {
                cloud.isEmpty("main") && cloud.publishedIDs.count == Self.count
            }
            #expect(isDone, "left: \(cloud.publishedIDs.count)\n\(sidecars.map { $0.lines.suffix(2000) })")
            try await Self.isWhole(shared, sidecars)
            #expect(try await shared.unfit() == [])
            for sidecar in sidecars { #expect(sidecar.stop() == 0) }
        }
    }

    /// Both say so, and go on saying so while they try again and again.
    private static func staysFull(_ sidecars: [SidecarProcess]) async throws {
        for sidecar in sidecars {
            let isNamed = await eventually {
                let answer = await sidecar.get("/readyz")
                return answer?.status == 503 && answer?.text.contains("store.full") == true
            }
            #expect(isNamed, "\(sidecar.lines.suffix(2000))")
            #expect(await sidecar.get("/healthz")?.status == 200)
        }
        for sidecar in sidecars {
            let before = await sidecar.metric("outrigger_store_failures_total", "store.full")
            var flaps: [String] = []
            let hasTried = await eventually(every: .milliseconds(100)) {
                let answer = await sidecar.get("/readyz")
                if answer?.status != 503 || answer?.text.contains("store.full") != true {
                    flaps.append("\(answer?.status ?? 0): \(answer?.text ?? "")")
                }
                return await sidecar.metric("outrigger_store_failures_total", "store.full") >= before + 4
            }
            #expect(hasTried && flaps.isEmpty, "\(flaps)\n\(sidecar.lines.suffix(2000))")
        }
    }

    /// Each event ran once, and what came of it is all there.
    private static func isWhole(_ shared: StoreHouse, _ sidecars: [SidecarProcess]) async throws {
        var runs = 0.0
        for sidecar in sidecars { runs += await sidecar.metric("outrigger_handled_total") }
        #expect(runs == Double(count), "a handler ran twice")
        let done = try await shared.done()
        #expect(done.count == count && done.values.allSatisfy { $0 == 1 }, "\(done)")
        #expect(shared.cloud.peek("main-dlq").isEmpty)
        let file = shared.house.folder.file("outrigger-0.yaml")
        let journal = try await shared.outrigger("journal verify --config \(file)")
        #expect(journal.status == 0 && journal.output.contains("whole"), "\(journal.output)")
    }

    /// It ends itself then, and cannot begin again before there is room. Who asks it finds nobody.
    @Test func aServerThatEndsBecauseItsLogIsFullIsWaitedFor() async throws {
        try await House.inLocalCloud { house, cloud in
            let volume = try SmallVolume(of: house, megabytes: 64)
            var options = PostgreSQLServer.Options()
            options.launcher = volume.userLauncher
            options.log = volume.path + "/log"
            let server = try PostgreSQLServer(options)
            let shared = StoreHouse(house, cloud, StoreHouse.postgreSQL(server, ", patience: 3s"))
            let sidecars = try await Self.started(shared, house, cloud)

            try volume.fill()
            try house.put(try house.payments(Self.before..<Self.count), to: cloud)
            // Segment by segment, until there is none.
            let isOver = await eventually(every: .milliseconds(10)) {
                (try? server.ask("SELECT pg_logical_emit_message(false, '', ''); SELECT pg_switch_wal()")) == nil
            }
            #expect(isOver)
            for sidecar in sidecars {
                let isNamed = await eventually {
                    let answer = await sidecar.get("/readyz")
                    return answer?.status == 503 && answer?.text.contains("store: store.unavailable") == true
                }
                #expect(isNamed, "\(sidecar.lines.suffix(2000))")
            }
            let unfit = try await shared.unfit()
            #expect(unfit.contains { $0.contains("Start the server") }, "\(unfit)")

            try volume.free()
            try await offPool { try server.restart() }
            for sidecar in sidecars { #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(2000))") }
            let isDone = await eventually(within: .seconds(90)) {
                cloud.isEmpty("main") && cloud.publishedIDs.count == Self.count
            }
            #expect(isDone, "left: \(cloud.publishedIDs.count)\n\(sidecars.map { $0.lines.suffix(2000) })")
            let done = try await shared.done()
            #expect(done.count == Self.count && done.values.allSatisfy { $0 == 1 }, "\(done)")
            #expect(cloud.peek("main-dlq").isEmpty)
            for sidecar in sidecars { #expect(sidecar.stop() == 0) }
        }
    }
}
