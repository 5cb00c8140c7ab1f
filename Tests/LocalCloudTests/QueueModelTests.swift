import Events
import Testing

@testable import LocalCloud

@Suite struct QueueModelTests {
    @Test func aReceivedMessageIsHiddenUntilItsVisibilityEnds() throws {
        var queue = try VirtualQueue()
        try queue.send("a")
        let first = try #require(try queue.receive().first)
        #expect(first.receiveCount == 1)
        queue.pass(.milliseconds(29_999))
        #expect(try queue.receive().isEmpty)
        queue.pass(.milliseconds(1))
        let second = try #require(try queue.receive().first)
        #expect(second.receiveCount == 2)
        #expect(second.message.id == first.message.id)
        #expect(second.receipt != first.receipt)
        #expect(second.firstReceivedAt == VirtualQueue.start)
    }

    @Test func aDeletedMessageNeverComesBack() throws {
        var queue = try VirtualQueue()
        try queue.send("a")
        let message = try #require(try queue.receive().first)
        #expect(try queue.delete(message))
        #expect(try queue.delete(message) == false)
        queue.pass(.hours(1))
        #expect(try queue.receive().isEmpty)
        #expect(queue.model.counters.deleted == 1)
    }

    @Test func deletingWithAnOldHandleSucceedsAndDeletesNothing() throws {
        var queue = try VirtualQueue()
        try queue.send("a")
        let old = try #require(try queue.receive().first)
        queue.pass(.seconds(30))
        let new = try #require(try queue.receive().first)
        #expect(try queue.delete(old) == false)
        #expect(queue.model.inFlightCount == 1)
        #expect(try queue.delete(new))
    }

    @Test func anExpiredHandleStillDeletesIfNobodyReceivedTheMessageSince() throws {
        var queue = try VirtualQueue()
        try queue.send("a")
        let message = try #require(try queue.receive().first)
        queue.pass(.minutes(5))
        #expect(try queue.delete(message))
        #expect(try queue.receive().isEmpty)
        #expect(queue.model.readyCount == 0)
    }

    @Test func aHandleOfAnotherQueueIsRefused() throws {
        var queue = try VirtualQueue()
        var other = QueueModel(name: "other", arn: "", seed: 8, at: queue.now)
        try queue.send("a")
        let message = try #require(try queue.receive().first)
        #expect(failure { try other.delete(message.receipt, at: queue.now) }?.kind == .receiptHandleIsInvalid)
        #expect(failure { try other.delete("no handle", at: queue.now) }?.kind == .receiptHandleIsInvalid)
    }

    @Test func visibilityCountsFromTheCallAndHoldsForThisReceiveAlone() throws {
        var queue = try VirtualQueue()
        try queue.send("a")
        let message = try #require(try queue.receive().first)
        queue.pass(.seconds(20))
        try queue.model.changeVisibility(message.receipt, to: .seconds(60), at: queue.now)
        queue.pass(.seconds(59))
        #expect(try queue.receive().isEmpty)
        queue.pass(.seconds(1))
        #expect(try queue.receive().count == 1)
        queue.pass(.seconds(30))
        #expect(try queue.receive().count == 1)
    }

    @Test func givingBackCostsAReceive() throws {
        var queue = try VirtualQueue()
        try queue.send("a")
        for expected in 1...5 {
            let message = try #require(try queue.receive().first)
            #expect(message.receiveCount == expected)
            try queue.model.changeVisibility(message.receipt, to: .zero, at: queue.now)
        }
    }

    @Test func visibilityNeverExceedsTwelveHoursFromTheReceive() throws {
        var queue = try VirtualQueue()
        try queue.send("a")
        let message = try #require(try queue.receive(visibility: .hours(11)).first)
        queue.pass(.hours(10))
        let beyond = failure {
            try queue.model.changeVisibility(message.receipt, to: .seconds(7_201), at: queue.now)
        }
        #expect(beyond?.kind == .invalidParameterValue)
        try queue.model.changeVisibility(message.receipt, to: .seconds(7_200), at: queue.now)
        let tooLong = failure {
            try queue.model.changeVisibility(message.receipt, to: .seconds(43_201), at: queue.now)
        }
        #expect(tooLong?.message.contains("43200") == true)
        #expect(failure { _ = try queue.receive(visibility: .seconds(43_201)) }?.kind == .invalidParameterValue)
    }

    @Test func visibilityChangesOnlyWhileInFlight() throws {
        var queue = try VirtualQueue()
        try queue.send("a")
        let message = try #require(try queue.receive().first)
        queue.pass(.seconds(30))
        let notInFlight = failure { try queue.model.changeVisibility(message.receipt, to: .seconds(1), at: queue.now) }
        #expect(notInFlight?.kind == .messageNotInflight)
        let again = try #require(try queue.receive().first)
        let stale = failure { try queue.model.changeVisibility(message.receipt, to: .seconds(1), at: queue.now) }
        #expect(stale?.kind == .invalidParameterValue)
        try queue.delete(again)
        let gone = failure { try queue.model.changeVisibility(again.receipt, to: .seconds(1), at: queue.now) }
        #expect(gone?.kind == .invalidParameterValue)
    }

    @Test func delayedMessagesComeWhenTheirDelayEnds() throws {
        var queue = try VirtualQueue("orders", ["DelaySeconds": "10"])
        try queue.send("late")
        try queue.send("at once", delay: .zero)
        #expect(queue.model.delayedCount == 1)
        #expect(try queue.bodies() == ["at once"])
        #expect(queue.model.nextChange() == VirtualQueue.start + .seconds(10))
        queue.pass(.seconds(10))
        #expect(try queue.bodies() == ["late"])
        #expect(failure { try queue.send("x", delay: .seconds(901)) }?.kind == .invalidParameterValue)
    }

    @Test func retentionDropsEvenWhatIsInFlight() throws {
        var queue = try VirtualQueue("orders", ["MessageRetentionPeriod": "60", "VisibilityTimeout": "600"])
        try queue.send("in flight")
        try queue.send("waiting")
        let message = try #require(try queue.receive(1).first)
        queue.pass(.seconds(59))
        try queue.send("young")
        queue.pass(.seconds(1))
        #expect(try queue.bodies() == ["young"])
        #expect(try queue.delete(message) == false)
        #expect(queue.model.counters.expired == 2)
        #expect(queue.model.inFlightCount == 1)
    }

    @Test func attributesCountToTheSize() throws {
        var queue = try VirtualQueue("orders", ["MaximumMessageSize": "1024"])
        let attribute = try MessageAttribute(name: "name", value: .string("value"))
        let counted = 4 + 6 + 5
        let fits = try MessageBody(Bytes(String(repeating: "a", count: 1024 - counted)))
        _ = try queue.model.send(MessageDraft(fits, attributes: [attribute]), at: queue.now)
        let tooLong = try MessageBody(Bytes(String(repeating: "a", count: 1025 - counted)))
        let refusal = failure {
            _ = try queue.model.send(MessageDraft(tooLong, attributes: [attribute]), at: queue.now)
        }
        #expect(refusal?.message.contains("shorter than 1024 bytes") == true)
    }

    @Test func aMessageHasAtMostTenAttributes() throws {
        var queue = try VirtualQueue()
        let attributes = try (0..<11).map { try MessageAttribute(name: "a\($0)", value: .string("x")) }
        let body = try MessageBody(Bytes("x"))
        _ = try queue.model.send(MessageDraft(body, attributes: Array(attributes.prefix(10))), at: queue.now)
        let refusal = failure { _ = try queue.model.send(MessageDraft(body, attributes: attributes), at: queue.now) }
        #expect(refusal?.kind == .invalidParameterValue)
    }

    @Test(arguments: ["\u{0}", "a\u{B}b", "\u{FFFE}", "\u{FFFF}"])
    func charactersThatXMLForbidsAreRefused(text: String) {
        #expect(failure { _ = try MessageBody(Bytes(text)) }?.kind == .invalidMessageContents)
    }

    @Test func bodiesKeepTheirBytes() throws {
        let text = "tab\t \"quotes\" \\ line\n é 🚀 \u{FFFD} \u{10FFFF}"
        let body = try MessageBody(Bytes(text))
        #expect(body.text.text == text)
        #expect(body.byteCount == text.utf8.count)
        #expect(failure { _ = try MessageBody([0xC3, 0x28]) }?.kind == .invalidMessageContents)
        #expect(failure { _ = try MessageBody([]) }?.kind == .missingParameter)
    }

    @Test(arguments: ["", "AWS.x", "amazon.x", "a b", ".a", "a.", "a..b"])
    func attributeNamesFollowTheRules(name: String) {
        #expect(failure { _ = try MessageAttribute(name: name, value: .string("x")) } != nil)
    }

    @Test func attributeTypesFollowTheRules() throws {
        _ = try MessageAttribute(name: "n", type: "Number.int", value: .string("-1.5e3"))
        _ = try MessageAttribute(name: "n", type: "Binary.png", value: .binary([0]))
        #expect(failure { _ = try MessageAttribute(name: "n", type: "Number", value: .string("one")) } != nil)
        #expect(failure { _ = try MessageAttribute(name: "n", type: "Text", value: .string("x")) } != nil)
        #expect(failure { _ = try MessageAttribute(name: "n", type: "Binary", value: .string("x")) } != nil)
    }

    @Test func nothingIsHandedOutBeyondTheInFlightLimit() throws {
        var queue = try VirtualQueue("orders", inFlightLimit: 12)
        for number in 0..<20 { try queue.send("\(number)") }
        #expect(try queue.receive().count == 10)
        #expect(try queue.receive().count == 2)
        let over = try queue.model.receive(atMost: 1, at: queue.now)
        #expect(over.isOverLimit && over.messages.isEmpty)
        queue.pass(.seconds(30))
        #expect(try queue.receive().count == 10)
    }

    @Test func aDuplicateIsReceivedAlsoAfterTheFirstWasDeleted() throws {
        var queue = try VirtualQueue()
        try queue.send("a")
        let first = try #require(try queue.receive().first)
        try queue.model.duplicate(first.receipt, at: queue.now)
        let copy = try #require(try queue.receive().first)
        #expect(copy.message.id == first.message.id)
        #expect(copy.receiveCount == 2)
        try queue.delete(first)
        queue.pass(.seconds(30))
        let again = try #require(try queue.receive().first)
        #expect(again.message.id == first.message.id)
        #expect(try queue.delete(again))
        #expect(queue.model.peek().isEmpty)
    }

    @Test func purgingLeavesNothing() throws {
        var queue = try VirtualQueue()
        for number in 0..<20 { try queue.send("\(number)") }
        let message = try #require(try queue.receive().first)
        queue.model.purge()
        queue.pass(.hours(1))
        #expect(try queue.receive().isEmpty)
        #expect(try queue.delete(message) == false)
        #expect(queue.model.readyCount + queue.model.inFlightCount + queue.model.delayedCount == 0)
    }

    @Test(arguments: [
        ("VisibilityTimeout", "43201"), ("MessageRetentionPeriod", "59"), ("DelaySeconds", "-1"),
        ("MaximumMessageSize", "1048577"), ("ReceiveMessageWaitTimeSeconds", "21"), ("RedrivePolicy", "{}"),
        ("RedrivePolicy", #"{"deadLetterTargetArn":"arn:aws:sqs:r:1:q","maxReceiveCount":1001}"#),
        ("ContentBasedDeduplication", "true"), ("FifoQueue", "true"), ("Nonsense", "1"),
    ])
    func attributesOutsideTheirRangeAreRefused(name: String, value: String) {
        #expect(failure { _ = try VirtualQueue("orders", [name: value]) } != nil)
    }

    @Test func countsOfReceivesAreBetweenOneAndTen() throws {
        var queue = try VirtualQueue()
        for count in [0, 11, -1] {
            #expect(failure { _ = try queue.receive(count) }?.kind == .invalidParameterValue)
        }
    }

    /// Whatever is done to a queue, what was sent and not deleted is in it, once, in exactly one state.
    @Test(arguments: 1...8) func nothingIsLostAndNothingIsCountedTwice(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var queue = try VirtualQueue(seed.isMultiple(of: 2) ? "orders.fifo" : "orders", ["VisibilityTimeout": "5"])
        var alive = Set<String>()
        var held: [ReceivedMessage] = []
        for step in 0..<800 {
            switch UInt64.random(in: 0..<10, using: &generator) {
            case 0..<4:
                let isFIFO = queue.model.settings.isFIFO
                let group = isFIFO ? "g\(UInt64.random(in: 0..<5, using: &generator))" : nil
                let delay = !isFIFO && generator.happens(0.2) ? Duration.seconds(3) : nil
                alive.insert(
                    try queue.send("\(step)", group: group, id: isFIFO ? "\(step)" : nil, delay: delay).messageID)
            case 4..<6: held += try queue.receive(Int.random(in: 1...10, using: &generator))
            case 6 where !held.isEmpty:
                let message = held.remove(at: Int.random(in: 0..<held.count, using: &generator))
                if (try? queue.delete(message)) == true { #expect(alive.remove(message.message.id) != nil) }
            case 7 where !held.isEmpty:
                let message = held[Int.random(in: 0..<held.count, using: &generator)]
                let timeout = Duration.seconds(Int64.random(in: 0..<4, using: &generator))
                try? queue.model.changeVisibility(message.receipt, to: timeout, at: queue.now)
            default: queue.pass(.milliseconds(Int64.random(in: 0..<1500, using: &generator)))
            }
            guard step.isMultiple(of: 20) else { continue }
            queue.model.advance(to: queue.now)
            let there = queue.model.peek()
            #expect(Set(there.map(\.message.id)) == alive)
            #expect(there.count == alive.count)
            #expect(there.count { $0.state == .ready } == queue.model.readyCount)
            #expect(there.count { $0.state == .inFlight } == queue.model.inFlightCount)
            #expect(there.count { $0.state == .delayed } == queue.model.delayedCount)
        }
        queue.pass(.seconds(60))
        var drained = Set<String>()
        while let message = try queue.receive(1).first {
            #expect(drained.insert(message.message.id).inserted)
            try queue.delete(message)
        }
        #expect(drained == alive)
    }
}
