import Events
import LocalCloud
import Support
import Testing

/// What a queue's own settings contradict is said when the sidecar starts, and not by the first message that is lost.
@Suite(.serialized, .timeLimit(.minutes(5))) struct UnfitQueueTests {
    @Test func aQueueThatDoesNotFitIsNamedAtTheStartWithTheRemedy() async throws {
        try await House.inLocalCloud { house, cloud in
            try cloud.createQueue("small-dlq", ["MaximumMessageSize": "1024", "MessageRetentionPeriod": "3600"])
            let path = try house.write(
                endpoint: cloud.endpoint, queue: cloud.queueURL("main"), deadLetters: cloud.queueURL("small-dlq"),
                keys: cloud.endpoint + "/keys/jwks-pqc")
            let sidecar = try house.start(path)
            #expect(await sidecar.isReady())
            for expected in [
                "receive.queue-unfit", "keeps messages for less time than the queue", "Raise its MaximumMessageSize",
            ] { #expect(await eventually { sidecar.lines.contains(expected) }, "\(expected)\n\(sidecar.lines)") }
            #expect(sidecar.stop() == 0)
        }
    }
}
