import Events
import Foundation
import LocalCloud
import Pipeline
import Store
import Support
import Testing

/// `kill -9` in the middle of the work, while replies get lost: nothing lost, nothing done twice.
@Suite(.serialized, .timeLimit(.minutes(Extent.timeLimit))) struct CrashTests {
    static let kills = Extent.kills
    static let events = kills * Extent.eventsPerKill
    static let rejects = events / 100

    /// `Tests/Chaos/run kills` kills ten times in 5,000 events.
    @Test func eachKillLeavesEachEventCommittedExactlyOnce() async throws {
        try await House.inLocalCloud(visibility: 6) { house, cloud in
            var faults = Faults()
            faults.lostReply = 0.05
            for operation in ["PutEvents", "SendMessage", "DeleteMessageBatch"] {
                cloud.setFaults(faults, operation: operation)
            }
            try house.put(try await Self.signed(house), to: cloud)
            let path = try house.write(cloud)
            var sidecar = try house.start(path)
            for kill in 1...Self.kills {
                let share = Self.events * kill / (Self.kills + 2)
                let came = await eventually(within: .seconds(120)) {
                    (cloud.statistics.queue("main")?.deleted ?? 0) >= share
                }
                #expect(came, "only \(cloud.statistics.queue("main")?.deleted ?? 0) deleted before kill \(kill)")
                sidecar.kill()
                sidecar = try house.start(path)
            }
            let ended = await eventually(within: .seconds(240)) {
                guard cloud.isEmpty("main"), cloud.publishedIDs.count >= Self.events else { return false }
                return await sidecar.metric("outrigger_outbox_events") == 0
            }
            #expect(ended, "left: \(String(describing: cloud.statistics.queue("main")))\n\(sidecar.lines.suffix(2000))")
            #expect(sidecar.stop() == 0)
            try await Self.check(house, cloud)
        }
    }

    /// Signing is the slow part of a debug build: both cores do it.
    private static func signed(_ house: House) async throws -> [BusModel.Entry] {
        try await withThrowingTaskGroup(of: [BusModel.Entry].self) { group in
            for lane in 0..<2 {
                group.addTask {
                    try stride(from: lane, to: events + rejects, by: 2).map { number in
                        let act = number < events ? "spread" : "reject"
                        return try house.entry("{\"do\":\"\(act)\",\"n\":\(number)}", id: "event-\(number)")
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private static func check(_ house: House, _ cloud: LocalCloud) async throws {
        #expect(cloud.publishedIDs.count == events)
        let store = try SQLiteStore.open(StoreOptions(path: house.folder.file("outrigger.db"), durability: .durable))
        let keys = (0..<events).map { Bytes("event:event-\($0)") }
        for start in stride(from: 0, to: keys.count, by: 100) {
            let values = try await store.read(
                Array(keys[start..<start + 100]), of: HandlerID("counting"), at: .now)
            #expect(values.allSatisfy { $0.value.text == "1" })
        }
        #expect(try await store.depth().rows == 0)
        await store.close()
        let letters = cloud.letters("main-dlq")
        #expect(letters.allSatisfy { $0.code == "handle.rejected" })
        let ids = (events..<events + rejects).filter { number in
            letters.contains { $0.text.contains("\"event-\(number)\"") }
        }
        #expect(ids.count == rejects)
    }
}
