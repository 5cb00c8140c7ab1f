import Events
import HTTP
import JSON
import Logging
import ServiceLifecycle
import Support
import Testing

@testable import LocalCloud

@Suite struct LocalCloudTests {
    private let client = HTTPClient()

    private func call(_ cloud: LocalCloud, _ operation: String, _ body: String) async throws -> HTTPResponse {
        let service = operation.hasPrefix("Put") ? "AWSEvents" : "AmazonSQS"
        return try await client.send(
            HTTPRequest(
                method: "POST", url: cloud.endpoint + "/",
                headers: [HTTPHeader("X-Amz-Target", "\(service).\(operation)")], body: Bytes(body)))
    }

    private func draft(_ text: String) throws -> MessageDraft { MessageDraft(try MessageBody(Bytes(text))) }

    @Test func keySetAndSignatureComeFromTheEmbedder() async throws {
        var options = LocalCloud.Options()
        options.keySet = { Bytes(#"{"keys":[]}"#) }
        options.sign = { body in (201, Bytes("signed " + body.text)) }
        let cloud = LocalCloud(options)
        try await cloud.serve {
            let keys = try await client.send(HTTPRequest(url: cloud.endpoint + "/keys/jwks-pqc"))
            #expect(keys.status == 200 && keys.headers["Content-Type"] == "application/json")
            #expect(String(decoding: keys.body, as: UTF8.self) == #"{"keys":[]}"#)
            let signed = try await client.send(
                HTTPRequest(method: "POST", url: cloud.endpoint + "/sign", body: Bytes("this")))
            #expect(signed.status == 201 && String(decoding: signed.body, as: UTF8.self) == "signed this")
        }
        let bare = LocalCloud()
        try await bare.serve {
            let nothing = try await client.send(HTTPRequest(url: bare.endpoint + "/keys/jwks-pqc"))
            #expect(nothing.status == 404)
        }
    }

    @Test func errorsHaveTheShapesThatSDKsKnow() async throws {
        let cloud = LocalCloud()
        try await cloud.serve {
            let missing = try await call(cloud, "GetQueueUrl", #"{"QueueName":"none"}"#)
            #expect(missing.status == 400)
            #expect(missing.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender")
            #expect(missing.headers["Content-Type"] == "application/x-amz-json-1.0")
            let body = try JSONDocument(missing.body).root
            #expect(body["__type"]?.string == "com.amazonaws.sqs#QueueDoesNotExist")
            #expect(body["message"]?.string == "The specified queue does not exist.")
            #expect(try await call(cloud, "Nonsense", "{}").status == 400)
            #expect(try await call(cloud, "SendMessage", "{").status == 400)
            #expect(try await call(cloud, "SendMessage", "[]").status == 400)
            #expect(try await call(cloud, "PutNothing", "{}").status == 400)
        }
    }

    @Test func aLongPollWakesOnASend() async throws {
        let cloud = LocalCloud()
        try cloud.createQueue("q")
        try await cloud.serve {
            async let answer = call(cloud, "ReceiveMessage", #"{"QueueUrl":"q","WaitTimeSeconds":20}"#)
            try cloud.send(try draft("hello"), to: "q")
            let messages = try JSONDocument(try await answer.body).root["Messages"]
            #expect(messages?.elements.first?["Body"]?.string == "hello")
        }
    }

    @Test func stoppingAnswersLongPolls() async throws {
        let cloud = LocalCloud()
        try cloud.createQueue("q")
        let client = client
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await cloud.run() }
            try await cloud.start()
            let url = cloud.endpoint
            async let answer = client.send(
                HTTPRequest(
                    method: "POST", url: url, headers: [HTTPHeader("X-Amz-Target", "AmazonSQS.ReceiveMessage")],
                    body: Bytes(#"{"QueueUrl":"q","WaitTimeSeconds":20}"#)))
            _ = await eventually { cloud.waitingReceivers("q") > 0 }
            group.cancelAll()
            _ = try? await answer
            #expect(cloud.waitingReceivers("q") == 0)
        }
    }

    @Test func aGracefulStopAnswersLongPollsInFull() async throws {
        let cloud = LocalCloud()
        try cloud.createQueue("q")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let services = ServiceGroup(services: [cloud], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            try await cloud.start()
            async let answer = call(cloud, "ReceiveMessage", #"{"QueueUrl":"q","WaitTimeSeconds":20}"#)
            _ = await eventually { cloud.waitingReceivers("q") > 0 }
            await services.triggerGracefulShutdown()
            #expect(try await String(decoding: answer.body, as: UTF8.self) == "{}")
            try await group.waitForAll()
        }
    }

    @Test func aDeletedQueueLetsItsPollersGo() async throws {
        let cloud = LocalCloud()
        try cloud.createQueue("q")
        try await cloud.serve {
            async let answer = call(cloud, "ReceiveMessage", #"{"QueueUrl":"q","WaitTimeSeconds":20}"#)
            _ = await eventually { cloud.waitingReceivers("q") > 0 }
            _ = try await call(cloud, "DeleteQueue", #"{"QueueUrl":"q"}"#)
            #expect(try await answer.status == 200)
        }
    }

    @Test func aRuleOfTheEmbedderDelivers() throws {
        let cloud = LocalCloud()
        try cloud.createQueue("q.fifo", ["ContentBasedDeduplication": "true"])
        try cloud.putRule("r", bus: "qsl", pattern: #"{"source":["s"]}"#, queue: "q.fifo", group: "g")
        try cloud.putRule("gone", bus: "qsl", pattern: #"{"source":["s"]}"#, queue: "missing")
        let entry = BusModel.Entry(bus: "qsl", source: "s", detailType: "t", detail: "{}")
        try cloud.putEvents([entry, entry])
        let messages = cloud.peek("q.fifo")
        #expect(messages.map(\.message.group) == ["g", "g"])
        let bus = cloud.statistics.bus
        #expect(bus.put == 2 && bus.deliveries == 4 && bus.failedDeliveries == 2 && bus.subscribers == 2)
    }

    @Test func statisticsAreServed() async throws {
        let cloud = LocalCloud()
        try cloud.createQueue("q")
        try cloud.send(try draft("a"), to: "q")
        try await cloud.serve {
            _ = try await call(cloud, "ReceiveMessage", #"{"QueueUrl":"q"}"#)
            let answer = try await client.send(HTTPRequest(url: cloud.endpoint + "/_stats"))
            let queue = try #require(try JSONDocument(answer.body).root["queues"]?["q"])
            #expect(queue["sent"]?.int == 1 && queue["received"]?.int == 1 && queue["inFlight"]?.int == 1)
            #expect(queue["depth"]?.int == 0)
        }
    }

    @Test func aRequestThatIsTooLargeIsRefused() async throws {
        let cloud = LocalCloud()
        try await cloud.serve {
            let answer = try await call(cloud, "SendMessage", String(repeating: " ", count: 4 * 1_048_576 + 1))
            #expect(answer.status == 413)
        }
    }

    // MARK: - faults

    @Test func aLostReplyMeansThatItHappened() async throws {
        let cloud = LocalCloud()
        try cloud.createQueue("q")
        var faults = Faults()
        faults.lostReply = 1
        cloud.setFaults(faults, queue: "q", operation: "SendMessage")
        try await cloud.serve {
            await #expect(throws: HTTPFailure.self) {
                try await call(cloud, "SendMessage", #"{"QueueUrl":"q","MessageBody":"a"}"#)
            }
            #expect(cloud.peek("q").count == 1)
        }
    }

    @Test func refusalsMeanThatNothingHappened() async throws {
        let cloud = LocalCloud()
        try cloud.createQueue("q")
        try await cloud.serve {
            let set = try await client.send(
                HTTPRequest(
                    method: "POST", url: cloud.endpoint + "/_faults", body: Bytes(#"{"queue":"q","throttle":1}"#)))
            #expect(set.status == 200)
            let throttled = try await call(cloud, "SendMessage", #"{"QueueUrl":"q","MessageBody":"a"}"#)
            #expect(throttled.status == 400)
            #expect(throttled.headers["x-amzn-query-error"] == "RequestThrottled;Sender")
            var faults = Faults()
            faults.unavailable = 1
            cloud.setFaults(faults, queue: "q")
            let unavailable = try await call(cloud, "SendMessage", #"{"QueueUrl":"q","MessageBody":"a"}"#)
            #expect(unavailable.status == 503)
            cloud.setFaults(Faults(), queue: "q")
            #expect(cloud.peek("q").isEmpty)
            #expect(try await call(cloud, "SendMessage", #"{"QueueUrl":"q","MessageBody":"a"}"#).status == 200)
            let bad = try await client.send(
                HTTPRequest(method: "POST", url: cloud.endpoint + "/_faults", body: Bytes(#"{"throttle":2}"#)))
            #expect(bad.status == 400)
        }
    }

    @Test func aPartialFailureFailsEntriesAlone() async throws {
        let cloud = LocalCloud()
        try cloud.createQueue("q")
        var faults = Faults()
        faults.partialFailure = 0.5
        cloud.setFaults(faults)
        try await cloud.serve {
            let entries = (0..<10).map { #"{"Id":"\#($0)","MessageBody":"x"}"# }.joined(separator: ",")
            var failed = 0
            var sent = 0
            for _ in 0..<5 {
                let answer = try await call(cloud, "SendMessageBatch", #"{"QueueUrl":"q","Entries":[\#(entries)]}"#)
                let body = try JSONDocument(answer.body).root
                sent += body["Successful"]?.count ?? 0
                failed += body["Failed"]?.count ?? 0
            }
            #expect(sent + failed == 50 && sent > 0 && failed > 0)
            #expect(cloud.peek("q").count == sent)
            let put = try await call(
                cloud, "PutEvents", #"{"Entries":[\#(Array(repeating: "{}", count: 10).joined(separator: ","))]}"#)
            let codes = try JSONDocument(put.body).root["Entries"]?.elements.map { $0["ErrorCode"]?.string }
            #expect(Set(codes ?? []) == ["InternalFailure", "InvalidArgument"])
        }
    }

    @Test func aDuplicateIsDeliveredTwice() async throws {
        let cloud = LocalCloud()
        try cloud.createQueue("q")
        try cloud.send(try draft("a"), to: "q")
        var faults = Faults()
        faults.duplicate = 1
        cloud.setFaults(faults, operation: "ReceiveMessage")
        try await cloud.serve {
            let first = try await call(cloud, "ReceiveMessage", #"{"QueueUrl":"q"}"#)
            let second = try await call(cloud, "ReceiveMessage", #"{"QueueUrl":"q"}"#)
            let ids = try [first, second].map {
                try JSONDocument($0.body).root["Messages"]?.elements.first?["MessageId"]?.string
            }
            #expect(ids[0] != nil && ids[0] == ids[1])
        }
    }

    @Test func theSameSeedBringsTheSameFaults() {
        func draws(_ seed: UInt64) -> [Bool] {
            let injector = FaultInjector(seed: seed)
            return (0..<64).map { _ in injector.happens(0.5) }
        }
        #expect(draws(5) == draws(5))
        #expect(draws(5) != draws(6))
    }
}
