import Events
import Foundation
import LocalCloud
import Support
import Testing

/// The volume under the store: full, read-only, or gone with the pod.
@Suite(.serialized, .timeLimit(.minutes(5))) struct VolumeTests {
    @Test func aFullVolumePausesTheQueueAndLosesNothing() async throws {
        try await House.inLocalCloud { house, cloud in
            let volume = try SmallVolume(of: house, megabytes: 24)
            let sidecar = try house.start(
                try house.write(cloud, store: volume.path + "/outrigger.db"), launcher: volume.launcher)
            #expect(await sidecar.isReady())
            try volume.fill()
            try house.put(try house.payments(0..<300), to: cloud)
            let isNamed = await eventually {
                let answer = await sidecar.get("/readyz")
                return answer?.status == 503 && answer?.text.contains("store.full") == true
            }
            #expect(isNamed, "\(sidecar.lines.suffix(2000))")
            #expect(await sidecar.get("/healthz")?.status == 200)
            try volume.free()
            let isDone = await eventually(within: .seconds(120)) {
                cloud.isEmpty("main") && cloud.publishedIDs.count == 300
            }
            #expect(isDone, "left: \(cloud.publishedIDs.count)\n\(sidecar.lines.suffix(2000))")
            #expect(await sidecar.isReady())
            #expect(cloud.peek("main-dlq").isEmpty)
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func aReadOnlyVolumeIsWaitedFor() async throws {
        try await House.inLocalCloud { house, cloud in
            let volume = try SmallVolume(of: house, megabytes: 24, options: "ro")
            let sidecar = try house.start(
                try house.write(cloud, store: volume.path + "/outrigger.db"), launcher: volume.launcher)
            try house.put(try house.payments(0..<20), to: cloud)
            let isNamed = await eventually {
                let answer = await sidecar.get("/readyz")
                return answer?.status == 503 && answer?.text.contains("store.unavailable") == true
            }
            #expect(isNamed, "\(sidecar.lines.suffix(2000))")
            #expect(await sidecar.get("/healthz")?.status == 200)
            #expect(cloud.statistics.queue("main")?.received == 0)
            try volume.run("mount -o remount,rw .")
            let isDone = await eventually(within: .seconds(120)) {
                cloud.isEmpty("main") && cloud.publishedIDs.count == 20
            }
            #expect(isDone, "\(sidecar.lines.suffix(2000))")
            #expect(sidecar.stop() == 0)
        }
    }

    /// What an ephemeral store promises: its pod may go at any time, and no message goes before what came of it is
    /// with the bus.
    @Test func nothingIsDeletedWhoseOnlyCopyWasInAStoreThatWentWithItsPod() async throws {
        try await House.inLocalCloud(visibility: 5) { house, cloud in
            var faults = Faults()
            faults.unavailable = 1
            cloud.setFaults(faults, operation: "PutEvents")
            try house.put(try house.payments(0..<40), to: cloud)
            let path = try house.write(cloud, durability: "ephemeral")
            let lost = try house.start(path)
            let isCommitted = await eventually { await lost.metric("outrigger_outbox_events") == 40 }
            #expect(isCommitted, "\(lost.lines.suffix(2000))")
            #expect(cloud.statistics.queue("main")?.deleted == 0)
            lost.kill()
            for suffix in ["", "-wal", "-shm"] {
                try FileManager.default.removeItem(atPath: house.folder.file("outrigger.db") + suffix)
            }
            cloud.setFaults(Faults(), operation: "PutEvents")
            let sidecar = try house.start(path)
            let isDone = await eventually(within: .seconds(90)) { cloud.isEmpty("main") }
            #expect(isDone, "\(sidecar.lines.suffix(2000))")
            #expect(cloud.publishedIDs.count == 40)
            #expect(cloud.peek("main-dlq").isEmpty)
            #expect(sidecar.stop() == 0)
        }
    }
}
