import Events
import Foundation
import LocalCloud
import Support
import Testing

/// The volume under the store: full, read-only, or gone with the pod.
@Suite(.serialized) struct VolumeTests {
    @Test func aFullVolumePausesTheQueueAndLosesNothing() async throws {
        try await House.inLocalCloud { house, cloud in
            let volume = try Volume(of: house, megabytes: 24)
            let sidecar = try house.start(
                try house.write(cloud, store: volume.store), launcher: volume.launcher)
            #expect(await sidecar.isReady())
            volume.tell("fill")
            try house.put(try house.payments(0..<300), to: cloud)
            let isNamed = await eventually {
                let answer = await sidecar.get("/readyz")
                return answer?.status == 503 && answer?.text.contains("store.full") == true
            }
            #expect(isNamed, "\(sidecar.lines.suffix(2000))")
            #expect(await sidecar.get("/healthz")?.status == 200)
            volume.tell("free")
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
            let volume = try Volume(of: house, megabytes: 24, options: "ro")
            let sidecar = try house.start(
                try house.write(cloud, store: volume.store), launcher: volume.launcher)
            try house.put(try house.payments(0..<20), to: cloud)
            let isNamed = await eventually {
                let answer = await sidecar.get("/readyz")
                return answer?.status == 503 && answer?.text.contains("store.unavailable") == true
            }
            #expect(isNamed, "\(sidecar.lines.suffix(2000))")
            #expect(await sidecar.get("/healthz")?.status == 200)
            #expect(cloud.statistics.queue("main")?.received == 0)
            volume.tell("writable")
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

/// A small volume that only the sidecar sees, and a word to it from outside.
private final class Volume {
    let store: String
    let launcher: [String]
    private let orders: FileHandle

    init(of house: House, megabytes: Int, options: String = "rw") throws {
        let mount = house.folder.file("volume")
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: true)
        store = mount + "/outrigger.db"
        let pipe = house.folder.file("orders")
        try #require(mkfifo(pipe, 0o600) == 0)
        // Read and write: neither side waits for the other to open its end.
        orders = try #require(FileHandle(forUpdatingAtPath: pipe))
        // Whoever waits for the sidecar's end waits for all that inherited its descriptors.
        let script = """
            mount -t tmpfs -o size=\(megabytes)m,\(options) none '\(mount)' || exit 1
            {
                for descriptor in /proc/self/fd/*; do
                    descriptor=${descriptor##*/}
                    [ "$descriptor" -gt 2 ] && eval "exec $descriptor>&-"
                done
                while read -r order; do
                    case $order in
                    fill) head -c \(megabytes)m /dev/zero >'\(mount)/ballast' ;;
                    free) rm '\(mount)/ballast' ;;
                    writable) mount -o remount,rw '\(mount)' ;;
                    end) exit ;;
                    esac
                done <'\(pipe)'
            } >/dev/null 2>&1 &
            exec "$@"
            """
        // Only root may mount; anybody is root in a user namespace of his own.
        launcher = ["unshare", getuid() == 0 ? "-m" : "-rm", "bash", "-c", script, "bash"]
    }

    func tell(_ order: String) { orders.write(Data((order + "\n").utf8)) }

    deinit { tell("end") }
}
