import Events
import JSON
import Pipeline
import Testing

@testable import AWS

/// A dead-letter queue as a box, and the way back.
extension MotoTests {
    private func box(_ url: String) -> SQSDeadLetterBox { SQSDeadLetterBox(session, queue: url) }

    private func all(_ box: SQSDeadLetterBox) async throws -> [BoxedLetter] {
        var all: [BoxedLetter] = []
        while case let letters = try await box.take(atMost: 10), !letters.isEmpty { all += letters }
        return all
    }

    private func fill(_ url: String, _ count: Int) async throws {
        let queue = SQSDeadLetterQueue(session, queue: url)
        for number in 0..<count {
            try await queue.send(
                letter(
                    "body-\(number)", attributes: [Attribute(name: "kind", value: "x")],
                    failure: #"{"code":"handle.rejected","messageId":"m-\#(number)"}"#))
        }
    }

    @Test func everyLetterIsSeenOnceAndNothingIsConsumed() async throws {
        let url = try await createQueue()
        try await fill(url, 23)
        for _ in 0..<2 {
            let box = box(url)
            let letters = try await all(box)
            #expect(Set(letters.map(\.body.text)) == Set((0..<23).map { "body-\($0)" }))
            #expect(letters.count == 23)
            #expect(letters.allSatisfy { $0.attributes == [Attribute(name: "kind", value: "x")] })
            #expect(letters.allSatisfy { $0.failure?.contains("handle.rejected") == true })
            await box.release()
        }
    }

    @Test func whatIsInHandIsHiddenFromOthersUntilItIsGivenBack() async throws {
        let url = try await createQueue()
        try await fill(url, 3)
        let (one, other) = (box(url), box(url))
        #expect(try await all(one).count == 3)
        #expect(try await all(other).isEmpty)
        await one.release()
        #expect(try await all(other).count == 3)
        await other.release()
    }

    @Test func aDeletedLetterIsGoneAndTheOthersStay() async throws {
        let url = try await createQueue()
        try await fill(url, 12)
        let one = box(url)
        let letters = try await all(one)
        let results = await one.delete(letters.prefix(11).map(\.id) + [MessageID("none")])
        #expect(results.prefix(11).allSatisfy { $0 == nil })
        #expect(results.last??.code == .settleDeleteFailed)
        await one.release()
        let other = box(url)
        #expect(try await all(other).map(\.id) == [letters[11].id])
        await other.release()
    }

    @Test func aLetterOfTheQueuesOwnPolicyHasNoFailureAndNamesItsOrigin() async throws {
        let letters = try await createQueue()
        let policy = #"{"deadLetterTargetArn":"\#(try await arn(letters))","maxReceiveCount":1}"#
        let url = try await createQueue(["VisibilityTimeout": "0", "RedrivePolicy": policy])
        let queue = SQSQueue(session, queue: url)
        await send(queue, OutgoingMessage(body: Bytes("poison")))
        // The first receive is allowed; the next ones move it.
        for _ in 0..<3 { _ = try await queue.receive(atMost: 1, wait: .zero) }
        let box = box(letters)
        let letter = try #require(try await all(box).first)
        #expect(letter.body.text == "poison" && letter.failure == nil)
        await box.release()
    }

    @Test func lettersGoBackWithTheNameOfTheirNewMessage() async throws {
        let (source, dead) = (try await createQueue(), try await createQueue())
        try await fill(dead, 12)
        let queue = SQSQueue(session, queue: source)
        let letters = try await all(box(dead))
        let results = await queue.send(letters.map {
            RedrivenLetter(id: $0.id, body: $0.body, attributes: $0.attributes, group: $0.group)
        })
        let sent = Set(try results.map { try $0.get() })
        var received: [Envelope] = []
        while received.count < 12 { received += try await queue.receive(atMost: 10, wait: .seconds(1)) }
        #expect(Set(received.map(\.messageID)) == sent)
        #expect(Set(received.map(\.body)) == Set(letters.map(\.body)))
        #expect(received.allSatisfy { $0.attributes == [Attribute(name: "kind", value: "x")] })
    }

    @Test func aFIFOQueueKeepsTheGroupAndTakesALetterOnce() async throws {
        let queue = SQSQueue(session, queue: try await createQueue(fifo: true))
        let letter = RedrivenLetter(id: MessageID("l-1"), body: Bytes("1"), attributes: [], group: "g")
        let lone = RedrivenLetter(id: MessageID("l-2"), body: Bytes("1"), attributes: [], group: nil)
        for _ in 0..<2 {
            let results = await queue.send([letter, lone])
            #expect(results.allSatisfy { (try? $0.get()) != nil })
        }
        let received = try await queue.receive(atMost: 10, wait: .seconds(1))
        #expect(received.compactMap(\.group).sorted() == ["g", "l-2"])
    }

    @Test func aQueueThatIsNotThereTakesNothing() async throws {
        let results = await SQSQueue(session, queue: "none").send([
            RedrivenLetter(id: MessageID("l-1"), body: Bytes("1"), attributes: [], group: nil)
        ])
        guard case .failure(let failure) = results.first else { return #expect(Bool(false), "\(results)") }
        #expect(failure.code == .redriveUnavailable)
    }
}
