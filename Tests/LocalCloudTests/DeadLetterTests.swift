import Events
import Testing

@testable import LocalCloud

@Suite struct DeadLetterTests {
    private static let policy = [
        "RedrivePolicy": #"{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:000000000000:dead","maxReceiveCount":"2"}"#
    ]

    /// A queue whose message was received as often as it may be, and is visible again.
    private func exhausted() throws -> VirtualQueue {
        var queue = try VirtualQueue("orders", Self.policy)
        try queue.send("a")
        for _ in 0..<2 {
            #expect(try queue.receive().count == 1)
            queue.pass(.seconds(30))
        }
        return queue
    }

    @Test func aMessageMovesOnTheNextReceiveNotWhenItsVisibilityEnds() throws {
        var queue = try exhausted()
        queue.pass(.hours(1))
        queue.model.advance(to: queue.now)
        #expect(queue.model.readyCount == 1)
        let reception = try queue.model.receive(atMost: 10, at: queue.now)
        #expect(reception.messages.isEmpty)
        #expect(reception.deadLettered.count == 1)
        #expect(queue.model.peek().isEmpty)
        #expect(queue.model.counters.deadLettered == 1)
    }

    @Test func withoutItsDeadLetterQueueAMessageStays() throws {
        var queue = try exhausted()
        let reception = try queue.model.receive(atMost: 10, canDeadLetter: false, at: queue.now)
        #expect(reception.messages.first?.receiveCount == 3)
    }

    @Test func aDeadLetterKeepsIdCountAndAge() throws {
        var queue = try exhausted()
        var dead = try VirtualQueue("dead", ["MessageRetentionPeriod": "3600"])
        let letter = try #require(try queue.model.receive(atMost: 1, at: queue.now).deadLettered.first)
        dead.model.adopt(letter, from: queue.model.arn, at: queue.now)
        let received = try #require(try dead.model.receive(atMost: 1, at: queue.now).messages.first)
        #expect(received.message.id == letter.message.id)
        #expect(received.receiveCount == 3)
        #expect(received.message.sentAt == VirtualQueue.start)
        #expect(received.firstReceivedAt == VirtualQueue.start)
        #expect(received.message.deadLetterSource == queue.model.arn)
        dead.model.advance(to: VirtualQueue.start + .seconds(3600))
        #expect(dead.model.counters.expired == 1)
    }

    @Test func aDeadLetterOfAFIFOQueueStartsANewRetention() throws {
        var queue = try VirtualQueue("orders.fifo", Self.policy)
        var dead = try VirtualQueue("dead.fifo")
        try queue.send("a1", group: "a", id: "1")
        try queue.send("a2", group: "a", id: "2")
        for _ in 0..<2 {
            #expect(try queue.receive(1).count == 1)
            queue.pass(.seconds(30))
        }
        let reception = try queue.model.receive(atMost: 1, at: queue.now)
        #expect(reception.messages.first?.message.body.text.text == "a2")
        dead.model.adopt(try #require(reception.deadLettered.first), from: queue.model.arn, at: queue.now)
        let letter = try #require(dead.model.peek().first?.message)
        #expect(letter.sentAt == queue.now)
        #expect(letter.group == "a")
        #expect(letter.deduplicationID == "1")
    }

    @Test func aMovedMessageIsNew() throws {
        var queue = try exhausted()
        var dead = try VirtualQueue("dead")
        let letter = try #require(try queue.model.receive(atMost: 1, at: queue.now).deadLettered.first)
        dead.model.adopt(letter, from: queue.model.arn, at: queue.now)
        for message in dead.model.take(atMost: 10, at: queue.now) { queue.model.adoptAnew(message, at: queue.now) }
        #expect(dead.model.peek().isEmpty)
        let back = try #require(try queue.receive().first)
        #expect(back.message.id != letter.message.id)
        #expect(back.receiveCount == 1)
        #expect(back.message.sentAt == queue.now)
        #expect(back.message.body.text.text == "a")
    }
}
