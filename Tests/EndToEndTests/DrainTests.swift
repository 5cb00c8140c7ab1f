import Events
import Foundation
import LocalCloud
import Support
import Testing

/// How a sidecar ends whose handler does not: in its time, and with every message given back.
@Suite(.serialized, .timeLimit(.minutes(5))) struct DrainTests {
    /// One event that never ends in a worker of its own, and more behind it. Nothing would become visible by itself
    /// for as long as a test runs.
    private static func inHouse(
        stop: String, _ body: @Sendable @escaping (House, LocalCloud, SidecarProcess) async throws -> Void
    ) async throws {
        try await House.inLocalCloud(visibility: 600) { house, cloud in
            let sidecar = try house.start(try house.write(cloud, handler: "deadline: 10m", stop: stop))
            #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(2000))")
            try house.put([try house.entry("{\"do\":\"loop\"}", id: "endless")], to: cloud)
            #expect(await eventually { inFlight(cloud) == 1 })
            try house.put(try house.payments(0..<10), to: cloud)
            #expect(await eventually { inFlight(cloud) == 11 })
            try await body(house, cloud, sidecar)
            #expect(sidecar.end() == 0, "\(sidecar.lines.suffix(2000))")
            #expect(inFlight(cloud) == 0, "\(sidecar.lines.suffix(2000))")
            #expect(cloud.peek("main-dlq").isEmpty)

            // The next one has all of it; what does not end is found.
            let next = try house.start(try house.write(cloud, handler: "deadline: 1s\n    grace: 1s"))
            #expect(await eventually { cloud.isEmpty("main") }, "\(next.lines.suffix(2000))")
            #expect(cloud.letters("main-dlq").map(\.code) == ["handle.crashed"])
            #expect(await eventually { cloud.publishedIDs.count == 10 })
            #expect(next.stop() == 0)
        }
    }

    private static func inFlight(_ cloud: LocalCloud) -> Int? { cloud.statistics.queue("main")?.inFlight }

    @Test func aHandlerThatDoesNotEndIsCutOffBeforeTheDeadlineAndItsMessageIsGivenBack() async throws {
        try await Self.inHouse(stop: "3s") { _, _, sidecar in sidecar.signal(SIGTERM) }
    }

    /// What was done is done, and what is left is told: its deletes were not answered.
    @Test func aStopThatLeavesSomethingSaysWhatAndWhere() async throws {
        try await House.inLocalCloud(visibility: 6) { house, cloud in
            let sidecar = try house.start(try house.write(cloud, stop: "2s"))
            #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(2000))")
            var faults = Faults()
            (faults.delay, faults.delayedBy) = (1, .seconds(60))
            cloud.setFaults(faults, operation: "DeleteMessageBatch")
            try house.put(try house.payments(0..<10), to: cloud)
            #expect(await eventually { cloud.publishedIDs.count == 10 })
            #expect(sidecar.stop() == 0)
            let line = sidecar.lines.split(separator: "\n").last { $0.contains("queue drained") } ?? ""
            #expect(line.contains(#""queue":"main""#) && line.contains(#""left":"10","deleting":"10""#), "\(line)")

            cloud.setFaults(Faults(), operation: "DeleteMessageBatch")
            let next = try house.start(try house.write(cloud))
            #expect(await eventually { cloud.isEmpty("main") }, "\(next.lines.suffix(2000))")
            #expect(await next.metric("outrigger_duplicates_total") == 10)
            #expect(next.stop() == 0)
        }
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func aSecondSignalEndsItAtOnceAndGivesEverythingBack(signal: Int32) async throws {
        try await Self.inHouse(stop: "10m") { _, cloud, sidecar in
            sidecar.signal(SIGTERM)
            #expect(await eventually { await sidecar.get("/readyz")?.text.contains("stopping") == true })
            // What never started is back already; what runs has its time.
            #expect(await eventually { Self.inFlight(cloud) == 1 })
            #expect(sidecar.isRunning)
            sidecar.signal(signal)
            #expect(await eventually { !sidecar.isRunning }, "\(sidecar.lines.suffix(2000))")
            #expect(sidecar.lines.contains("told to stop twice"))
        }
    }
}
