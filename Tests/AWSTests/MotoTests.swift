import Events
import HTTP
import JSON
import Pipeline
import Support
import Testing

@testable import AWS

/// What talks to Moto does so one test after the other: it is one Python process, and slow.
@Suite(.serialized) struct MotoTests {
    let session: AWSSession

    init() throws { session = try .moto() }

    func createQueue(_ attributes: [String: String] = [:], fifo: Bool = false) async throws -> String {
        var attributes = attributes
        if fifo { attributes["FifoQueue"] = "true" }
        let name = "q-\(UInt64.random(in: 0 ... .max))" + (fifo ? ".fifo" : "")
        let members = attributes.map { JSONMember($0.key, .string($0.value)) }
        let body: JSONValue = ["QueueName": .string(name), "Attributes": .object(members)]
        let endpoint = try session.endpoint(of: .sqs, in: "eu-central-1")
        let reply = try await session.call(.sqs("CreateQueue"), at: endpoint, body: body.serialised())
        return try #require(reply.root["QueueUrl"]?.string)
    }

    func send(_ queue: SQSQueue, _ messages: OutgoingMessage...) async {
        #expect(await queue.send(messages) == messages.map { _ in nil })
    }

    static let body = #"{"detail":{"text":"Zürich \"quoted\" \\ 🛶"},"n":1e3}"#

    @Test func aMessageComesWithEverythingSQSSaysOfIt() async throws {
        let queue = SQSQueue(session, queue: try await createQueue())
        let before = SystemClock().now
        await send(
            queue, OutgoingMessage(body: Bytes(Self.body), attributes: [Attribute(name: "kind", value: "täst")]))
        let envelope = try #require(try await queue.receive(atMost: 10, wait: .seconds(1)).first)
        #expect(envelope.body == Bytes(Self.body))
        #expect(envelope.attributes == [Attribute(name: "kind", value: "täst")])
        #expect(envelope.receiveCount == 1)
        #expect(envelope.group == nil)
        #expect(!envelope.messageID.text.isEmpty)
        #expect(envelope.sentAt >= before - .seconds(1) && envelope.sentAt <= SystemClock().now)
        #expect(envelope.firstReceivedAt >= envelope.sentAt)
    }

    @Test func anEmptyQueueIsNoFailure() async throws {
        let queue = SQSQueue(session, queue: try await createQueue())
        #expect(try await queue.receive(atMost: 10, wait: .zero).isEmpty)
    }

    @Test func aLongPollWakesForAMessage() async throws {
        let queue = SQSQueue(session, queue: try await createQueue())
        async let received = queue.receive(atMost: 10, wait: .seconds(20))
        await send(queue, OutgoingMessage(body: Bytes("x")))
        #expect(try await received.map(\.body) == [Bytes("x")])
    }

    @Test func givenBackMessagesComeAgainAndDeletedOnesDoNot() async throws {
        let queue = SQSQueue(session, queue: try await createQueue(["VisibilityTimeout": "600"]))
        await send(queue, OutgoingMessage(body: Bytes("a")), OutgoingMessage(body: Bytes("b")))
        var taken: [Envelope] = []
        while taken.count < 2 { taken += try await queue.receive(atMost: 10, wait: .seconds(1)) }
        #expect(try await queue.receive(atMost: 10, wait: .zero).isEmpty)
        let changes = taken.map { VisibilityChange(receipt: $0.receipt, timeout: .zero) }
        #expect(await queue.changeVisibility(changes) == [nil, nil])
        var again: [Envelope] = []
        while again.count < 2 { again += try await queue.receive(atMost: 10, wait: .seconds(1)) }
        #expect(Set(again.map(\.messageID)) == Set(taken.map(\.messageID)))
        #expect(again.allSatisfy { $0.receiveCount == 2 })
        #expect(await queue.delete(again.map(\.receipt)) == [nil, nil])
        #expect(try await queue.depth() == 0)
    }

    @Test func oneBadEntryOfABatchFailsAlone() async throws {
        let queue = SQSQueue(session, queue: try await createQueue())
        await send(queue, OutgoingMessage(body: Bytes("a")))
        let good = try #require(try await queue.receive(atMost: 1, wait: .seconds(1)).first)
        let results = await queue.changeVisibility([
            VisibilityChange(receipt: ReceiptHandle("none"), timeout: .seconds(60)),
            VisibilityChange(receipt: good.receipt, timeout: .seconds(60)),
        ])
        #expect(results[0]?.code == .settleDelayFailed)
        #expect(results[0]?.cause == "ReceiptHandleIsInvalid")
        #expect(results[1] == nil)
    }

    @Test func aFIFOQueueKeepsGroupOrderAndNames() async throws {
        let queue = SQSQueue(session, queue: try await createQueue(fifo: true))
        await send(
            queue, OutgoingMessage(body: Bytes("1"), group: "g", deduplicationID: "d1"),
            OutgoingMessage(body: Bytes("2"), group: "g", deduplicationID: "d2"),
            OutgoingMessage(body: Bytes("2"), group: "g", deduplicationID: "d2"))
        let envelopes = try await queue.receive(atMost: 10, wait: .seconds(1))
        #expect(envelopes.map(\.body) == [Bytes("1"), Bytes("2")])
        #expect(envelopes.map(\.group) == ["g", "g"])
        #expect(envelopes.map(\.deduplicationID) == ["d1", "d2"])
    }

    @Test func aQueueDescribesItself() async throws {
        let letters = try await createQueue(["MessageRetentionPeriod": "1209600"])
        let policy = #"{"deadLetterTargetArn":"\#(try await arn(letters))","maxReceiveCount":100}"#
        let url = try await createQueue([
            "VisibilityTimeout": "45", "MessageRetentionPeriod": "3600", "MaximumMessageSize": "2048",
            "RedrivePolicy": policy,
        ])
        let description = try await SQSQueue(session, queue: url).describe()
        #expect(
            description
                == QueueDescription(
                    isFIFO: false, visibilityTimeout: .seconds(45), retention: .hours(1), maximumMessageSize: 2048,
                    redrive: .init(target: try await arn(letters), maximumReceives: 100)))
        // The target's ARN is an address, too.
        let target = try #require(description.redrive?.target)
        #expect(try await SQSDeadLetterQueue(session, queue: target).describe().retention == .days(14))
        #expect(try await SQSQueue(session, queue: try await createQueue(fifo: true)).describe().isFIFO)
    }

    func arn(_ url: String) async throws -> String {
        try #require(try await SQS(session, queue: url).attributes()["QueueArn"])
    }

    @Test func aQueueThatDoesNotExistIsNeverCreated() async throws {
        let url = try MotoServer.shared().endpoint + "/123456789012/none"
        for address in [url, "none", "arn:aws:sqs:eu-central-1:123456789012:none"] {
            let queue = SQSQueue(session, queue: address)
            let failure = await #expect(throws: Failure.self) { try await queue.receive(atMost: 1, wait: .zero) }
            #expect(failure?.code == .receiveNoQueue)
            #expect(failure?.subject == "none")
        }
    }
}

/// Letters.
extension MotoTests {
    func letter(
        _ body: String, attributes: [Attribute] = [], failure: String = #"{"code":"handle.rejected","id":"e-1"}"#,
        short: String = #"{"code":"handle.rejected"}"#, group: String? = nil
    ) -> DeadLetter {
        DeadLetter(
            body: Bytes(body), attributes: attributes, failure: failure, shortFailure: short, group: group,
            deduplicationID: "d-1")
    }

    @Test func aLetterKeepsBodyAndAttributesAndSaysWhy() async throws {
        let url = try await createQueue()
        let original = [Attribute(name: "kind", value: "x"), Attribute(name: "empty", value: "")]
        try await SQSDeadLetterQueue(session, queue: url).send(letter(Self.body, attributes: original))
        let received = try #require(
            try await SQSQueue(session, queue: url).receive(atMost: 1, wait: .seconds(1)).first)
        #expect(received.body == Bytes(Self.body))
        #expect(
            Set(received.attributes) == [
                Attribute(name: "kind", value: "x"),
                Attribute(name: "outrigger-failure", value: #"{"code":"handle.rejected","id":"e-1"}"#),
            ])
    }

    @Test func aRepeatedLetterToAFIFOQueueIsOneInItsGroup() async throws {
        let url = try await createQueue(fifo: true)
        let letters = SQSDeadLetterQueue(session, queue: url)
        try await letters.send(letter("{}", group: "g"))
        try await letters.send(letter("{}", group: "g"))
        let received = try await SQSQueue(session, queue: url).receive(atMost: 10, wait: .seconds(1))
        #expect(received.map(\.group) == ["g"])
        #expect(received.map(\.deduplicationID) == ["d-1"])
    }

    @Test func whereTheWholeLetterDoesNotFitTheShortFailureGoesAlone() async throws {
        let url = try await createQueue(["MaximumMessageSize": "1024"])
        let body = String(repeating: "b", count: 900)
        let long = #"{"code":"handle.rejected","reason":"\#(String(repeating: "r", count: 100))"}"#
        try await SQSDeadLetterQueue(session, queue: url).send(
            letter(body, attributes: [Attribute(name: "kind", value: "x")], failure: long))
        let received = try #require(
            try await SQSQueue(session, queue: url).receive(atMost: 1, wait: .seconds(1)).first)
        #expect(received.body.count == 900)
        #expect(
            received.attributes == [Attribute(name: "outrigger-failure", value: #"{"code":"handle.rejected"}"#)])
    }

    @Test func aBodyThatDoesNotFitIsRefusedForGood() async throws {
        let url = try await createQueue(["MaximumMessageSize": "1024"])
        let letters = SQSDeadLetterQueue(session, queue: url)
        let large = letter(String(repeating: "b", count: 1020))
        let failure = await #expect(throws: Failure.self) { try await letters.send(large) }
        #expect(failure?.code == .settleDeadLetterRefused)
    }

    @Test func aMissingTargetMayComeBack() async throws {
        let letters = SQSDeadLetterQueue(session, queue: "none")
        let failure = await #expect(throws: Failure.self) { try await letters.send(letter("{}")) }
        #expect(failure?.code == .settleDeadLetterUnavailable)
    }
}

extension SQSQueue {
    fileprivate func depth() async throws -> Int {
        let attributes = try await queue.attributes()
        return ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"].reduce(0) {
            $0 + (attributes[$1].flatMap { Int($0) } ?? 0)
        }
    }
}
