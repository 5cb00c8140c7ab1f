import Events
import LocalCloud
import Support
import Testing

/// A queue whose own visibility is nothing: SQS allows it, and its messages are hidden by us while they are in hand.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ShortVisibilityTests {
    @Test func aMessageOfAQueueWithoutVisibilityIsNotReceivedInALoop() async throws {
        try await House.inLocalCloud(visibility: 0) { house, cloud in
            let sidecar = try house.start(try house.write(cloud, handler: "deadline: 1s\n    grace: 1s"))
            #expect(await sidecar.isReady())
            // Some seconds in the handler: three times alone, then it is a dead letter.
            try house.put([try house.detail("{\"do\":\"loop\"}", id: "one")], to: cloud)
            #expect(await eventually { cloud.isEmpty("main") }, "\(sidecar.lines.suffix(2000))")
            #expect(cloud.letters("main-dlq").map(\.code) == ["handle.crashed"])
            let received = await sidecar.metric("outrigger_received_total")
            #expect((1...200).contains(received), "\(received)")
            #expect(sidecar.stop() == 0)
        }
    }
}
