import Events
import Testing

@testable import LocalCloud

@Suite struct FIFOQueueModelTests {
    @Test func aGroupIsBlockedWhileOneOfItsMessagesIsInFlight() throws {
        var queue = try VirtualQueue("orders.fifo")
        for (body, group) in [("a1", "a"), ("a2", "a"), ("b1", "b")] { try queue.send(body, group: group, id: body) }
        let first = try queue.receive(1)
        #expect(first.map { $0.message.body.text.text } == ["a1"])
        #expect(try queue.bodies() == ["b1"])
        #expect(try queue.bodies() == [])
        try queue.delete(first[0])
        #expect(try queue.bodies() == ["a2"])
    }

    @Test func oneReceiveTakesAsManyOfAGroupAsItMay() throws {
        var queue = try VirtualQueue("orders.fifo")
        for number in 1...4 { try queue.send("a\(number)", group: "a", id: "a\(number)") }
        try queue.send("b1", group: "b", id: "b1")
        #expect(try queue.bodies(3) == ["a1", "a2", "a3"])
        #expect(try queue.bodies(3) == ["b1"])
    }

    @Test func whatIsGivenBackKeepsItsPlace() throws {
        var queue = try VirtualQueue("orders.fifo")
        for number in 1...3 { try queue.send("a\(number)", group: "a", id: "a\(number)") }
        let batch = try queue.receive(2)
        try queue.model.changeVisibility(batch[1].receipt, to: .zero, at: queue.now)
        #expect(try queue.bodies() == [])
        try queue.model.changeVisibility(batch[0].receipt, to: .zero, at: queue.now)
        #expect(try queue.bodies() == ["a1", "a2", "a3"])
    }

    @Test func aGroupOpensWhenAllVisibilitiesHaveEnded() throws {
        var queue = try VirtualQueue("orders.fifo")
        for number in 1...2 { try queue.send("a\(number)", group: "a", id: "a\(number)") }
        let batch = try queue.receive(2)
        try queue.model.changeVisibility(batch[1].receipt, to: .seconds(90), at: queue.now)
        queue.pass(.seconds(30))
        #expect(try queue.bodies() == [])
        queue.pass(.seconds(60))
        #expect(try queue.bodies() == ["a1", "a2"])
    }

    @Test func deletingWithAnExpiredHandleFails() throws {
        var queue = try VirtualQueue("orders.fifo")
        try queue.send("a1", group: "a", id: "1")
        let message = try #require(try queue.receive().first)
        queue.pass(.seconds(30))
        #expect(failure { try queue.delete(message) }?.message.contains("expired") == true)
        let again = try #require(try queue.receive().first)
        #expect(failure { try queue.delete(message) }?.message.contains("expired") == true)
        #expect(try queue.delete(again))
        #expect(try queue.delete(again) == false)
    }

    @Test func oneDeduplicationIdIsTakenOnceInFiveMinutes() throws {
        var queue = try VirtualQueue("orders.fifo")
        let first = try queue.send("a", group: "a", id: "x")
        queue.pass(.milliseconds(299_999))
        let second = try queue.send("another body", group: "b", id: "x")
        #expect(second.isDuplicate)
        #expect(second.messageID == first.messageID)
        #expect(second.sequenceNumber == first.sequenceNumber)
        let message = try #require(try queue.receive().first)
        try queue.delete(message)
        #expect(try queue.send("a", group: "a", id: "x").isDuplicate)
        queue.pass(.milliseconds(1))
        #expect(try queue.send("a", group: "a", id: "x").isDuplicate == false)
    }

    @Test func contentStandsInForAMissingId() throws {
        var queue = try VirtualQueue("orders.fifo", ["ContentBasedDeduplication": "true"])
        #expect(try queue.send("a", group: "a").isDuplicate == false)
        #expect(try queue.send("a", group: "b").isDuplicate)
        #expect(try queue.send("b", group: "a").isDuplicate == false)
        #expect(
            try queue.receive().first?.message.deduplicationID
                == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb")
    }

    @Test func deduplicationMayBeOfTheGroup() throws {
        var queue = try VirtualQueue("orders.fifo", ["DeduplicationScope": "messageGroup"])
        #expect(try queue.send("a", group: "a", id: "x").isDuplicate == false)
        #expect(try queue.send("a", group: "b", id: "x").isDuplicate == false)
        #expect(try queue.send("a", group: "a", id: "x").isDuplicate)
    }

    @Test func sequenceNumbersHaveTwentyDigitsAndGrow() throws {
        var queue = try VirtualQueue("orders.fifo")
        let numbers = try (0..<5).map { try queue.send("\($0)", group: "a", id: "\($0)").sequenceNumber ?? "" }
        #expect(numbers.allSatisfy { $0.utf8.count == 20 })
        #expect(numbers == numbers.sorted() && Set(numbers).count == 5)
    }

    @Test func groupAndDeduplicationAreDemanded() throws {
        var queue = try VirtualQueue("orders.fifo")
        #expect(failure { try queue.send("a", id: "1") }?.kind == .missingParameter)
        #expect(failure { try queue.send("a", group: "a") }?.kind == .invalidParameterValue)
        #expect(failure { try queue.send("a", group: "a", id: "1", delay: .seconds(1)) } != nil)
        #expect(failure { try queue.send("a", group: "with space", id: "1") } != nil)
        var standard = try VirtualQueue()
        #expect(failure { try standard.send("a", id: "1") } != nil)
        try standard.send("fairness", group: "a")
        #expect(try standard.receive().first?.message.group == "a")
    }

    @Test func aDelayedHeadHoldsItsGroupBack() throws {
        var queue = try VirtualQueue("orders.fifo", ["DelaySeconds": "10"])
        try queue.send("a1", group: "a", id: "1")
        queue.pass(.seconds(5))
        try queue.send("a2", group: "a", id: "2")
        queue.pass(.seconds(5))
        let first = try queue.receive()
        #expect(first.map { $0.message.body.text.text } == ["a1"])
        queue.pass(.seconds(5))
        #expect(try queue.receive().isEmpty)
        try queue.delete(first[0])
        #expect(try queue.bodies() == ["a2"])
    }

    /// Consumers that fail, are late and give back at random still see each group's messages in the order of sending.
    @Test(arguments: 1...10) func groupsKeepTheirOrder(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var queue = try VirtualQueue("orders.fifo")
        var expected: [String: [Int]] = [:]
        for number in 0..<300 {
            let group = "g\(UInt64.random(in: 0..<7, using: &generator))"
            try queue.send("\(number)", group: group, id: "\(number)")
            expected[group, default: []].append(number)
        }
        var done: [String: [Int]] = [:]
        while queue.model.readyCount + queue.model.inFlightCount > 0 {
            for message in try queue.receive(Int.random(in: 1...10, using: &generator)) {
                guard generator.happens(0.7) else {
                    let timeout = Duration.seconds(Int64.random(in: 0..<60, using: &generator))
                    try queue.model.changeVisibility(message.receipt, to: timeout, at: queue.now)
                    continue
                }
                let group = try #require(message.message.group)
                let number = try #require(Int(message.message.body.text.text))
                // A consumer that keeps order stops a group at its first failure.
                guard expected[group]?[done[group, default: []].count] == number else {
                    try queue.model.changeVisibility(message.receipt, to: .zero, at: queue.now)
                    continue
                }
                done[group, default: []].append(number)
                try queue.delete(message)
            }
            queue.pass(.seconds(Int64.random(in: 0..<20, using: &generator)))
        }
        #expect(done == expected)
    }
}
