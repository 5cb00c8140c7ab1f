import Events
import HTTP
import JSON
import Pipeline
import Support
import Testing

@testable import AWS

/// What is asked of SQS, as it goes over the wire.
@Suite struct ReceiveRequestTests {
    @Test func aPollIsLongAsksForAllAttributesAndLeavesTheQueueItsVisibility() async throws {
        let server = try TestServer { _ in .json("{}") }
        _ = try await SQSQueue(.at(server.url), queue: "http://x/1/q").receive(atMost: 50, wait: .seconds(60))
        let body = try JSONValue.parse(try #require(server.requests.first).body)
        #expect(body["WaitTimeSeconds"]?.int == 20)
        #expect(body["MaxNumberOfMessages"]?.int == 10)
        #expect(body["MessageSystemAttributeNames"]?[0]?.string == "All")
        #expect(body["MessageAttributeNames"]?[0]?.string == "All")
        #expect(body["VisibilityTimeout"] == nil)
    }

    /// Else they would be given again while they are in hand, and what is visible cannot be prolonged.
    @Test(arguments: [(0, 10), (9, 10), (10, nil)] as [(Int, Int64?)])
    func messagesOfAQueueWithNextToNoVisibilityAreHiddenByTheReceive(own: Int, asked: Int64?) async throws {
        let server = try TestServer { request in
            guard request.headers["x-amz-target"] == "AmazonSQS.GetQueueAttributes" else { return .json("{}") }
            return .json(
                """
                {"Attributes":{"VisibilityTimeout":"\(own)","MessageRetentionPeriod":"3600",\
                "MaximumMessageSize":"1024"}}
                """)
        }
        let queue = SQSQueue(.at(server.url), queue: "http://x/1/q")
        #expect(try await queue.describe().visibilityTimeout == .seconds(own))
        _ = try await queue.receive(atMost: 1, wait: .zero)
        let body = try JSONValue.parse(try #require(server.requests.last).body)
        #expect(body["VisibilityTimeout"]?.int == asked)
    }

    /// The last request is kept, for polls that are the same.
    @Test func aPollThatAsksForSomethingElseIsMadeAnew() async throws {
        let server = try TestServer { _ in .json("{}") }
        let queue = SQSQueue(.at(server.url), queue: "http://x/1/q")
        let asked = [(10, 20), (10, 20), (3, 20), (3, 0), (10, 20)]
        for (count, wait) in asked { _ = try await queue.receive(atMost: count, wait: .seconds(wait)) }
        let bodies = try server.requests.map { try JSONValue.parse($0.body) }
        #expect(bodies.map { $0["MaxNumberOfMessages"]?.int } == asked.map { Int64($0.0) })
        #expect(bodies.map { $0["WaitTimeSeconds"]?.int } == asked.map { Int64($0.1) })
    }

    @Test func receiptsAndAddressesAreWrittenAsJSON() async throws {
        let server = try TestServer { _ in .json(#"{"Successful":[{"Id":"0"},{"Id":"11"}]}"#) }
        let queue = SQSQueue(.at(server.url), queue: #"http://x/1/"q\"#)
        let receipts = (0..<12).map { ReceiptHandle("r\"\\\n\($0)") }
        let results = await queue.delete(receipts)
        #expect(results.map { $0 == nil } == (0..<12).map { $0 == 0 || $0 == 11 })
        let body = try JSONValue.parse(try #require(server.requests.first).body)
        #expect(body["QueueUrl"]?.string == #"http://x/1/"q\"#)
        #expect(body["Entries"]?.array?.map { $0["ReceiptHandle"]?.string } == receipts.map(\.text))
        #expect(body["Entries"]?.array?.map { $0["Id"]?.string } == (0..<12).map { String($0) })
    }

    /// A poll that is never answered ends by itself: its wait, and a few seconds.
    @Test func aPollThatIsNeverAnsweredEnds() async throws {
        let server = try TestServer { _ in .silence }
        let failure = await #expect(throws: Failure.self) {
            try await SQSQueue(.at(server.url), queue: "http://x/1/q").receive(atMost: 1, wait: .zero)
        }
        #expect(failure?.code == .receiveUnavailable)
    }

    /// A delete or an extension behind a poll of twenty seconds would come too late.
    @Test func noOtherCallWaitsForTheConnectionOfAPoll() async throws {
        let server = try TestServer { request in
            request.headers["x-amz-target"] == "AmazonSQS.ReceiveMessage"
                ? .silence : .json(#"{"Successful":[{"Id":"0"}]}"#)
        }
        let polls = HTTPClient(connections: 1)
        let session = AWSSession(
            AWSOptions(queueEndpoint: server.url, environment: environment()), http: HTTPClient(connections: 1),
            polls: polls, clock: SystemClock())
        let queue = SQSQueue(session, queue: "http://x/1/q")
        let poll = Task { try await queue.receive(atMost: 1, wait: .seconds(20)) }
        for await request in server.arrivals where request.headers["x-amz-target"] == "AmazonSQS.ReceiveMessage" {
            break
        }
        let receipt = ReceiptHandle("r")
        #expect(await queue.delete([receipt]) == [nil])
        #expect(await queue.changeVisibility([VisibilityChange(receipt: receipt, timeout: .seconds(30))]) == [nil])
        polls.shutdown()
        await #expect(throws: Failure.self) { try await poll.value }
    }

    /// SQS refuses a whole batch in which two entries have one id.
    @Test func entriesOfABatchHaveIdsOfTheirOwnThoughTheyAreOfOneMessage() async throws {
        let server = try TestServer { _ in .json(#"{"Successful":[{"Id":"0"},{"Id":"1"},{"Id":"2"}]}"#) }
        let queue = SQSQueue(.at(server.url), queue: "http://x/1/q")
        let receipts = ["same", "same", "other"].map { ReceiptHandle($0) }
        #expect(await queue.delete(receipts) == [nil, nil, nil])
        let body = try JSONValue.parse(try #require(server.requests.first).body)
        let entries = body["Entries"]?.array ?? []
        #expect(entries.map { $0["Id"]?.string } == ["0", "1", "2"])
        #expect(entries.map { $0["ReceiptHandle"]?.string } == ["same", "same", "other"])
    }
}
