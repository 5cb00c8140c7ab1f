import Events
import Foundation
import LocalCloud
import Support
import Testing

/// Days pass between two lives of the sidecar, for it and for the cloud: what was paid once is paid once.
@Suite(.serialized, .timeLimit(.minutes(5))) struct TimeTests {
    private static let payment = "{\"do\":\"spread\",\"n\":1}"

    @Test func aDeadLetterRedrivenBeforeAndAfterTheWindowIsPaidOnce() async throws {
        try await House.inLocalCloud(visibility: 3) { house, cloud in
            try house.put([try house.detail(Self.payment, id: "payment")], to: cloud)
            try await Self.deadLetterTwice(house, cloud)

            // The right handler is deployed. The message that would not go is recognised, and goes.
            var sidecar = try house.start(try house.write(cloud))
            let isGone = await eventually { cloud.isEmpty("main") }
            #expect(isGone, "\(sidecar.lines.suffix(2000))")
            #expect(cloud.publishedIDs.isEmpty, "a dead event ran")

            let letters = cloud.peek("main-dlq").map(\.message.body)
            try #require(letters.count >= 2)
            try Self.redrive(letters[0], cloud)
            let isPaid = await eventually { cloud.publishedIDs.count == 1 && cloud.isEmpty("main") }
            #expect(isPaid, "\(sidecar.lines.suffix(2000))")
            try Self.redrive(letters[1], cloud)
            let isRepeated = await eventually {
                let repeated = await sidecar.metric("outrigger_duplicates_total")
                return repeated >= 1 && cloud.isEmpty("main")
            }
            #expect(isRepeated, "\(sidecar.lines.suffix(2000))")
            #expect(sidecar.stop() == 0)

            // The row of a done event lives for the queue's retention, four days, and a day.
            cloud.advance(by: .days(6))
            sidecar = try house.start(try house.write(cloud), environment: SetClock(house, ahead: .days(6)).environment)
            #expect(await sidecar.isReady())
            let isSwept = await eventually { await sidecar.metric("outrigger_store_bytes") > 0 }
            #expect(isSwept, "\(sidecar.lines.suffix(2000))")
            try Self.redrive(letters[1], cloud)
            let isExpired = await eventually { cloud.letters("main-dlq").contains { $0.code == "dedup.expired" } }
            #expect(isExpired, "\(sidecar.lines.suffix(2000))")
            #expect(cloud.statistics.queue("published")?.sent == 1)
            #expect(sidecar.stop() == 0)
        }
    }

    /// A version that refuses everything, and deletes that never happen: the letter is sent again after a restart.
    private static func deadLetterTwice(_ house: House, _ cloud: LocalCloud) async throws {
        var faults = Faults()
        faults.partialFailure = 1
        cloud.setFaults(faults, operation: "DeleteMessageBatch")
        let refusing = try house.write(cloud, handler: "config: {refuse: true}")
        for copies in 1...2 {
            let sidecar = try house.start(refusing)
            let isDead = await eventually { cloud.peek("main-dlq").count >= copies }
            #expect(isDead, "\(sidecar.lines.suffix(2000))")
            sidecar.kill()
        }
        cloud.setFaults(Faults(), operation: "DeleteMessageBatch")
    }

    /// As an operator does who moves one letter by hand: the body in a new message.
    private static func redrive(_ body: MessageBody, _ cloud: LocalCloud) throws {
        _ = try cloud.send(MessageDraft(body), to: "main")
    }
}
