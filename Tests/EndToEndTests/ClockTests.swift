import Events
import Foundation
import LocalCloud
import Support
import Testing

/// Somebody sets the machine's clock by hours while the sidecar works, and while it does not.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ClockTests {
    @Test func aClockSetBackStopsNothingThatWaits() async throws {
        try await House.inLocalCloud { house, cloud in
            let clock = try SetClock(house)
            let sidecar = try house.start(try house.write(cloud), environment: clock.environment)
            #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(2000))")
            try house.put(try house.payments(0..<20), to: cloud)
            #expect(await eventually { cloud.publishedIDs.count == 20 }, "\(sidecar.lines.suffix(2000))")
            // A poll that failed waits for its next try, by the old time.
            var faults = Faults()
            faults.unavailable = 1
            cloud.setFaults(faults, operation: "ReceiveMessage")
            #expect(await eventually { await sidecar.metric("outrigger_failures_total", "receive.unavailable") >= 3 })
            try clock.set(ahead: .hours(-3))
            #expect(await eventually { sidecar.lines.contains("clock was set") }, "\(sidecar.lines.suffix(2000))")
            try house.put(try house.payments(20..<40), to: cloud)
            cloud.setFaults(Faults(), operation: "ReceiveMessage")
            let isDone = await eventually(within: .seconds(120)) {
                cloud.isEmpty("main") && cloud.publishedIDs.count == 40
            }
            #expect(isDone, "\(cloud.publishedIDs.count)\n\(sidecar.lines.suffix(2000))")
            #expect(sidecar.stop() == 0)
            #expect(try Self.counted(house) == [40, 40])
        }
    }

    @Test(arguments: [5, -5])
    func aClockThatIsSetAndSetRightAgainLosesNothingAndDoublesNothing(hours: Int64) async throws {
        try await House.inLocalCloud(visibility: 6) { house, cloud in
            var faults = Faults()
            faults.duplicate = 0.1
            cloud.setFaults(faults, operation: "ReceiveMessage")
            let clock = try SetClock(house)
            let path = try house.write(cloud)
            var sidecar = try house.start(path, environment: clock.environment)
            #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(2000))")
            // Set while it works, again while it is away, and right while it works.
            for (round, ahead) in [hours, hours, 0, 0].enumerated() {
                try clock.set(ahead: .hours(ahead))
                if round == 1 || round == 3 {
                    sidecar.kill()
                    sidecar = try house.start(path, environment: clock.environment)
                }
                try house.put(try house.payments(round * 50..<round * 50 + 50), to: cloud)
                let isHalfDone = await eventually { cloud.publishedIDs.count >= round * 50 + 25 }
                #expect(isHalfDone, "round \(round): \(cloud.publishedIDs.count)\n\(sidecar.lines.suffix(2000))")
            }
            // All of it again: nothing of it was forgotten.
            try house.put(try house.payments(0..<200), to: cloud)
            let isDone = await eventually(within: .seconds(120)) {
                cloud.isEmpty("main") && cloud.publishedIDs.count == 200
            }
            #expect(isDone, "\(cloud.publishedIDs.count)\n\(sidecar.lines.suffix(2000))")
            #expect(cloud.peek("main-dlq").isEmpty)
            #expect(sidecar.stop() == 0)
            #expect(try Self.counted(house) == [200, 200])
        }
    }

    /// Keys that the handler wrote, and those that it wrote once.
    private static func counted(_ house: House) throws -> [Int] {
        try house.ask(
            house.folder.file("outrigger.db"),
            "SELECT count(*), count(CASE WHEN CAST(value AS TEXT) = '1' THEN 1 END) FROM state")
    }
}
