import Events
import Foundation
import LocalCloud
import Support
import Synchronization
import Testing

/// What the sidecar needs and does not have keeps it live and not ready, says so, and passes without a restart.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RecoveryTests {
    @Test func aQueueThatDoesNotAnswerIsWaitedFor() async throws {
        try await House.inLocalCloud { house, cloud in
            var faults = Faults()
            faults.unavailable = 1
            cloud.setFaults(faults)
            let sidecar = try house.start(try house.write(cloud))
            let isLive = await eventually { await sidecar.get("/healthz")?.status == 200 }
            #expect(isLive)
            let isNamed = await eventually {
                let answer = await sidecar.get("/readyz")
                return answer?.status == 503 && answer?.text.contains("queue main: receive.unavailable") == true
            }
            #expect(isNamed, "\(sidecar.lines.suffix(2000))")
            cloud.setFaults(Faults())
            try house.put([try house.detail("{\"do\":\"spread\",\"n\":1}", id: "late")], to: cloud)
            let isDone = await eventually(within: .seconds(90)) { cloud.isEmpty("main") }
            #expect(isDone)
            let isReady = await sidecar.isReady()
            #expect(isReady)
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func withoutKeysNothingIsJudgedAndNothingIsLost() async throws {
        let house = try House()
        var options = LocalCloud.Options()
        let keys = ArraySlice(house.keySet)
        let box = DocumentBox()
        options.keySet = { box.document }
        try await LocalCloud.serving(options) { cloud in
            try cloud.createQueue("main")
            try cloud.createQueue("main-dlq")
            try cloud.putRule("in", pattern: #"{"source":["test.in"]}"#, queue: "main")
            let sidecar = try house.start(try house.write(cloud))
            try house.put([try house.detail("{\"do\":\"spread\",\"n\":1}", id: "early")], to: cloud)
            let isPaused = await eventually {
                await sidecar.get("/readyz")?.text.contains("key set test") == true
            }
            #expect(isPaused)
            #expect(cloud.peek("main-dlq").isEmpty)
            box.document = keys
            let isDone = await eventually(within: .seconds(120)) { cloud.isEmpty("main") }
            #expect(isDone, "\(sidecar.lines.suffix(2000))")
            #expect(cloud.peek("main-dlq").isEmpty)
            #expect(sidecar.stop() == 0)
        }
    }
}

/// A key set that its service publishes late.
private final class DocumentBox: Sendable {
    private let state = Mutex(Bytes("<html>not yet</html>"))
    var document: Bytes {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
