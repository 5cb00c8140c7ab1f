import Events
import HTTP
import JSON
import Pipeline
import Support
import Testing

@testable import AWS

/// Answers that no emulator gives on demand.
@Suite struct ReplyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var status = 400
        var headers: [String: String] = [:]
        var body = "{}"
        let code: FailureCode
        var testDescription: String { "\(status) \(headers) \(body)" }
    }

    static let cases = [
        Case(body: #"{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}"#, code: .receiveNoQueue),
        Case(
            headers: ["x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"], code: .receiveNoQueue),
        Case(body: #"{"__type":"com.amazon.coral.service#ThrottlingException"}"#, code: .receiveThrottled),
        Case(headers: ["x-amzn-query-error": "RequestThrottled;Sender"], code: .receiveThrottled),
        Case(body: #"{"__type":"com.amazonaws.sqs#OverLimit"}"#, code: .receiveThrottled),
        Case(status: 429, body: "slow", code: .receiveThrottled),
        Case(status: 400, body: #"{"__type":"AccessDeniedException"}"#, code: .receiveDenied),
        Case(status: 403, body: "<html>", code: .receiveDenied),
        Case(headers: ["x-amzn-errortype": "InvalidSignatureException:http://x/"], code: .receiveDenied),
        Case(body: #"{"__type":"com.amazonaws.sqs#KmsAccessDenied"}"#, code: .receiveDenied),
        Case(headers: ["x-amzn-query-error": "KMS.DisabledException;Sender"], code: .receiveDenied),
        Case(body: #"{"__type":"com.amazonaws.sqs#KmsThrottled"}"#, code: .receiveThrottled),
        Case(status: 500, code: .receiveUnavailable),
        Case(status: 503, body: "<html>", code: .receiveUnavailable),
        Case(body: #"{"__type":"InternalFailure"}"#, code: .receiveUnavailable),
        Case(body: #"{"__type":"com.amazonaws.sqs#InvalidParameterValue"}"#, code: .receiveBadReply),
        Case(status: 404, body: "<html>not here</html>", code: .receiveBadReply),
        Case(status: 200, body: "<html>", code: .receiveBadReply),
        Case(status: 200, body: "[]", code: .receiveBadReply),
        Case(status: 200, body: #"{"Messages":[{"MessageId":"m"}]}"#, code: .receiveBadReply),
        Case(status: 302, headers: ["Location": "http://127.0.0.1/"], code: .receiveBadReply),
    ]

    @Test(arguments: cases)
    func eachAnswerHasItsCode(answer: Case) async throws {
        let server = try TestServer { _ in
            .answer(answer.status, headers: answer.headers, body: Array(answer.body.utf8))
        }
        let queue = SQSQueue(.at(server.url), queue: "https://sqs.eu-west-1.amazonaws.com/1/q")
        let failure = await #expect(throws: Failure.self) { try await queue.receive(atMost: 1, wait: .zero) }
        #expect(failure?.code == answer.code)
    }

    @Test func theCauseHasCodeStatusAndRequestAndNotTheMessage() async throws {
        let server = try TestServer { _ in
            .json(
                #"{"__type":"com.amazonaws.sqs#InvalidMessageContents","message":"body: secret"}"#, status: 400,
                headers: ["x-amzn-RequestId": "r-1"])
        }
        let queue = SQSQueue(.at(server.url), queue: "q")
        let failure = await #expect(throws: Failure.self) { try await queue.describe() }
        #expect(failure?.cause == "InvalidMessageContents (HTTP 400, request r-1)")
    }

    @Test func nobodyThereIsUnavailable() async throws {
        let queue = SQSQueue(.at("http://127.0.0.1:1"), queue: "https://sqs.eu-west-1.amazonaws.com/1/q")
        let failure = await #expect(throws: Failure.self) { try await queue.receive(atMost: 1, wait: .zero) }
        #expect(failure?.code == .receiveUnavailable)
        #expect(await queue.delete([ReceiptHandle("a"), ReceiptHandle("b")]).map(\.?.code) == [
            .settleDeleteFailed, .settleDeleteFailed,
        ])
    }

    @Test func withoutCredentialsNothingIsSent() async throws {
        let server = try TestServer { _ in .answer(200) }
        let options = AWSOptions(
            region: "eu-west-1", queueEndpoint: server.url, environment: ["AWS_EC2_METADATA_DISABLED": "true"])
        let queue = SQSQueue(AWSSession(options, http: HTTPClient(), clock: SystemClock()), queue: "q")
        let failure = await #expect(throws: Failure.self) { try await queue.describe() }
        #expect(failure?.code == .receiveCredentials)
        #expect(server.requests.isEmpty)
    }

    @Test func anEntryThatIsNeitherSuccessfulNorFailedDidNotSucceed() async throws {
        let server = try TestServer { _ in
            .json(#"{"Successful":[{"Id":"2"},{"Id":"99"},{"Id":"x"}],"Failed":[{"Id":"0","Code":"InternalError"}]}"#)
        }
        let queue = SQSQueue(.at(server.url), queue: "http://x/1/q")
        let results = await queue.delete([ReceiptHandle("a"), ReceiptHandle("b"), ReceiptHandle("c")])
        #expect(results.map(\.?.cause) == ["InternalError", "no word about this entry", nil])
    }

    @Test(arguments: [
        ("VisibilityTimeout", "43201"), ("VisibilityTimeout", "9223372036854775807"), ("VisibilityTimeout", "-1"),
        ("MessageRetentionPeriod", "1209601"), ("MessageRetentionPeriod", "0"), ("MaximumMessageSize", "1e9"),
    ])
    func aQueueWithNumbersThatNoQueueHasIsABadReply(name: String, value: String) throws {
        var attributes = [
            "VisibilityTimeout": "43200", "MessageRetentionPeriod": "1209600", "MaximumMessageSize": "1048576",
            "RedrivePolicy": #"{"deadLetterTargetArn":"arn:x","maxReceiveCount":-1}"#,
        ]
        #expect(try QueueDescription(attributes).redrive == nil)
        attributes[name] = value
        #expect(throws: AWSError.self) { try QueueDescription(attributes) }
    }

    @Test func theGroupOfAStandardQueueIsNoOrder() async throws {
        let message = """
            {"Messages":[{"MessageId":"m","ReceiptHandle":"r","Body":"{\\"a\\":1}","Attributes":{
            "SentTimestamp":"1","ApproximateFirstReceiveTimestamp":"2","ApproximateReceiveCount":"3",
            "MessageGroupId":"tenant"}}]}
            """
        let server = try TestServer { _ in .json(message) }
        let standard = SQSQueue(.at(server.url), queue: "http://x/1/q")
        let fifo = SQSQueue(.at(server.url), queue: "http://x/1/q.fifo")
        let envelope = try #require(try await standard.receive(atMost: 1, wait: .zero).first)
        #expect(envelope.group == nil)
        #expect(envelope.body == Bytes(#"{"a":1}"#))
        #expect(envelope.receiveCount == 3)
        #expect(try await fifo.receive(atMost: 1, wait: .zero).first?.group == "tenant")
    }

    @Test func theRegionOfAQueuesURLGoesBeforeTheEnvironments() async throws {
        let server = try TestServer { _ in .json("{}") }
        let queue = SQSQueue(.at(server.url), queue: "https://sqs.ap-south-1.amazonaws.com/1/q")
        _ = try await queue.receive(atMost: 1, wait: .zero)
        #expect(server.requests[0].headers["authorization"]?.contains("/ap-south-1/sqs/aws4_request") == true)
        #expect(server.requests[0].headers["x-amz-target"] == "AmazonSQS.ReceiveMessage")
        #expect(server.requests[0].headers["content-type"] == "application/x-amz-json-1.0")
    }

    @Test func withoutAnOverrideTheQueuesOwnHostIsAsked() async throws {
        let server = try TestServer { _ in .json("{}") }
        let session = AWSSession(AWSOptions(environment: environment()), http: HTTPClient(), clock: SystemClock())
        let queue = SQSQueue(session, queue: server.url + "/1/q")
        _ = try await queue.receive(atMost: 1, wait: .zero)
        #expect(server.requests.count == 1)
    }
}

/// What is mended and sent once more.
@Suite struct MendingTests {
    /// Answers `first`, and from the second request on "nothing there".
    func server(_ first: TestServer.Reply) throws -> TestServer {
        let count = Counter()
        return try TestServer { _ in count.next() == 1 ? first : .json("{}") }
    }

    static let date = "Thu, 01 Jan 2026 02:00:00 GMT"

    @Test(arguments: [
        #"{"__type":"com.amazon.coral.service#RequestTimeTooSkewed"}"#,
        #"{"__type":"InvalidSignatureException","message":"Signature expired: 2025 is now earlier than 2026"}"#,
        #"{"__type":"SignatureDoesNotMatch","message":"Signature not yet current: 2027"}"#,
    ])
    func aWrongClockIsCorrectedFromTheServers(body: String) async throws {
        let server = try server(.json(body, status: 403, headers: ["Date": Self.date]))
        let queue = SQSQueue(.at(server.url, clock: FixedClock(.newYear)), queue: "http://x/1/q")
        _ = try await queue.receive(atMost: 1, wait: .zero)
        _ = try await queue.receive(atMost: 1, wait: .zero)
        #expect(
            server.requests.map { $0.headers["x-amz-date"] }
                == ["20260101T000000Z", "20260101T020000Z", "20260101T020000Z"])
    }

    @Test func anotherSignatureFailureIsNotTheClocks() async throws {
        let server = try server(
            .json(#"{"__type":"InvalidSignatureException"}"#, status: 403, headers: ["Date": Self.date]))
        let queue = SQSQueue(.at(server.url, clock: FixedClock(.newYear)), queue: "http://x/1/q")
        await #expect(throws: Failure.self) { try await queue.receive(atMost: 1, wait: .zero) }
        #expect(server.requests.count == 1)
    }

    @Test func aClockThatIsRightIsNotCorrectedForEver() async throws {
        let server = try TestServer { _ in
            .json(#"{"__type":"RequestExpired"}"#, status: 403, headers: ["Date": Self.date])
        }
        let queue = SQSQueue(.at(server.url, clock: FixedClock(.newYear)), queue: "http://x/1/q")
        await #expect(throws: Failure.self) { try await queue.receive(atMost: 1, wait: .zero) }
        #expect(server.requests.count == 2)
    }

    @Test func refusedCredentialsAreFetchedAnew() async throws {
        let keys = Counter()
        let source = try TestServer { _ in
            .json(
                """
                {"AccessKeyId":"KEY\(keys.next())","SecretAccessKey":"s","Token":"t",\
                "Expiration":"2099-01-01T00:00:00Z"}
                """)
        }
        let server = try server(.json(#"{"__type":"ExpiredTokenException"}"#, status: 403))
        let options = AWSOptions(
            region: "eu-west-1", queueEndpoint: server.url,
            environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": source.url])
        let queue = SQSQueue(AWSSession(options, http: HTTPClient(), clock: SystemClock()), queue: "http://x/1/q")
        _ = try await queue.receive(atMost: 1, wait: .zero)
        let used = server.requests.map { $0.headers["authorization"]?.contains("Credential=KEY2/") }
        #expect(used == [false, true])
    }
}
