import Events
import Foundation
import JSON
import Pipeline
import StoreConformance
import Support
import Synchronization
import Testing

@testable import AWS

/// What a table must be, and what a call does when it is not, or not there.
@Suite(.serialized) struct TableTests {
    let endpoint: String
    let session: AWSSession
    let clock = FixedClock(.newYear)

    init() throws {
        endpoint = try MotoServer.shared().endpoint
        session = .table(at: endpoint)
    }

    func failure(of table: String, _ session: AWSSession? = nil) async -> Failure? {
        await #expect(throws: Failure.self) {
            // A server of the test's own answers at once; one that others use may be slow.
            let options = DynamoDBOptions(table: table, patience: session == nil ? .seconds(20) : .zero)
            try await DynamoDBStore.open(options, session ?? self.session, clock: clock).close()
        }
    }

    @Test func aTableThatDoesNotExistIsNeverMade() async throws {
        let failure = try #require(await failure(of: "nowhere"))
        #expect(failure.code == .storeUnavailable)
        #expect(failure.subject == "nowhere")
        #expect(failure.cause.hasPrefix("the table does not exist here"))
        #expect(failure.cause.contains("ResourceNotFoundException"))
    }

    @Test func whatATableLacksIsNamed() async throws {
        try await TableBench.create("no-index", session, indexes: [.due])
        #expect(await failure(of: "no-index")?.cause.hasPrefix("it lacks the index by-event") == true)
        try await TableBench.create("no-ttl", session, ttl: nil)
        #expect(await failure(of: "no-ttl")?.cause.hasPrefix("time to live must be enabled on") == true)
        try await TableBench.create("other-ttl", session, ttl: "expires")
        #expect(await failure(of: "other-ttl")?.cause.hasPrefix("time to live must be enabled on") == true)
    }

    private func inspect(_ table: String, _ session: AWSSession? = nil) async -> [StoreFinding] {
        let options = DynamoDBOptions(table: table, patience: .zero)
        return await DynamoDBStore.inspect(options, session ?? self.session, clock: clock)
    }

    @Test func anOperatorIsToldAllThatIsWrong() async throws {
        try await TableBench.create("bare", session, indexes: [], ttl: nil)
        let bare = await inspect("bare")
        #expect(bare.count == 3 && bare.allSatisfy { $0.verdict == .unfit && !$0.advice.isEmpty }, "\(bare)")
        let absent = await inspect("absent")
        #expect(absent.count == 1 && absent[0].advice.contains("store migrate --create"), "\(absent)")
        let (server, client) = try server { _, _ in .json("{\"__type\":\"AccessDeniedException\"}", status: 400) }
        let denied = await inspect("t", client.session)
        #expect(denied.first?.advice.contains("policy") == true, "\(denied)")
        #expect(server.requests.count == 1)
    }

    @Test func aTableThatIsMadeByCommandIsFit() async throws {
        let options = DynamoDBOptions(table: "by-command")
        #expect(try await DynamoDBStore.createTable(options, session))
        #expect(try await !DynamoDBStore.createTable(options, session), "there already")
        let fresh = await inspect("by-command")
        #expect(fresh.allSatisfy { $0.verdict != .unfit }, "\(fresh)")
        #expect(fresh.contains { $0.subject == "schema" && $0.verdict == .note })
        // The test's clock stands in another year than the server's.
        #expect(fresh.contains { $0.subject == "clock" && $0.verdict == .note }, "\(fresh)")
        let store = try await DynamoDBStore.open(options, session, clock: clock)
        await store.close()
        #expect(await inspect("by-command").contains { $0.subject == "schema" && $0.verdict == .fit })
    }

    @Test func aTableOfANewerSchemaIsLeftAlone() async throws {
        let bench = try await TableBench(clock, at: endpoint)
        let before = try #require(try await bench.client.get(TableLayout.meta))
        let newer = Write(TableLayout.meta, .update("SET #schema = :two", [":two": .integer(2)]))
        _ = try await bench.client.write(newer)
        let failure = await failure(of: bench.table)
        #expect(failure?.code == .storeNewer)
        #expect(failure?.cause == "schema 2, this version knows 1")
        #expect(try await bench.client.get(TableLayout.meta)?.integer("boots") == before.integer("boots"))
    }

    @Test func theTemplateMakesATableThatWillDo() async throws {
        let script = """
            import boto3
            cloud = boto3.client('cloudformation', endpoint_url='\(endpoint)', region_name='eu-central-1',
                aws_access_key_id='testing', aws_secret_access_key='testing')
            template = open('\(Fixtures.repository)/config/deploy/dynamodb.yaml').read()
            cloud.create_stack(StackName='store', TemplateBody=template, Capabilities=['CAPABILITY_IAM'],
                Parameters=[{'ParameterKey': 'TableName', 'ParameterValue': 'from-template'}])
            """
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        // Moto's CloudFormation leaves it out.
        let template = try String(contentsOfFile: Fixtures.repository + "/config/deploy/dynamodb.yaml", encoding: .utf8)
        #expect(template.contains("TimeToLiveSpecification:\n        AttributeName: ttl\n        Enabled: true\n"))
        #expect(await failure(of: "from-template")?.cause.hasPrefix("time to live must be enabled on") == true)
        try await TableBench.enableTimeToLive(
            TableClient(session: session, table: "from-template", patience: .zero), on: "ttl")
        let store = try await DynamoDBStore.open(
            DynamoDBOptions(table: "from-template"), session, clock: clock)
        try await store.check()
        await store.close()
        await #expect(throws: Failure.self) { try await store.refuse([Self.refusal], at: .newYear) }
    }

    static let refusal = Refusal(
        consumer: QueueName("q"), messageID: MessageID("m-1"), failure: Failure(.verifyMalformed, "m-1", "no"),
        shelved: nil, keepUntil: .newYear + .days(5), sentAt: .newYear, deliveries: 1, body: Bytes("x"), verified: nil)

    // MARK: - answers

    /// A server that answers this to all calls of a name, and forwards nothing.
    func server(_ answers: @escaping @Sendable (_ operation: String, _ count: Int) -> TestServer.Reply) throws
        -> (TestServer, TableClient)
    {
        let counter = Counter()
        let server = try TestServer { request in
            let operation = request.headers["x-amz-target"]?.split(separator: ".").last.map(String.init) ?? ""
            return answers(operation, counter.next())
        }
        return (server, TableClient(session: .table(at: server.url), table: "t", patience: .seconds(30)))
    }

    @Test func whatIsThrottledIsSentAgain() async throws {
        let codes = ["ProvisionedThroughputExceededException", "ThrottlingException", "TransactionConflictException"]
        let events = Mutex<[String]>([])
        let (server, plain) = try server { _, count in
            count <= codes.count
                ? .json("{\"__type\":\"com.amazonaws.dynamodb.v20120810#\(codes[count - 1])\"}", status: 400)
                : .json("{\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"-\"},\"n\":{\"N\":\"7\"}}}")
        }
        var client = plain
        client.observer = { event in events.withLock { $0.append("\(event)") } }
        #expect(try await client.get(ItemKey("a"))?.integer("n") == 7)
        #expect(server.requests.count == 4)
        let exchange = "exchanged(requests: 1)"
        let why = ["throttled", "throttled", "conflict"].map { "repeated(Pipeline.StoreEvent.Repeat.\($0))" }
        #expect(events.withLock { $0 } == [exchange] + why.flatMap { [$0, exchange] })
    }

    @Test func aTransactionIsSentAgainUnderItsToken() async throws {
        let (server, client) = try server { _, count in
            count == 1 ? .json("{\"__type\":\"TransactionInProgressException\"}", status: 400) : .json("{}")
        }
        guard case .done = try await client.transact([.put(Item(ItemKey("a")))]) else {
            Issue.record("cancelled")
            return
        }
        let bodies = try server.requests.map { try JSONValue.parse($0.body) }
        #expect(bodies.count == 2)
        #expect(bodies[0]["ClientRequestToken"]?.string?.isEmpty == false)
        #expect(bodies[0] == bodies[1])
    }

    @Test func whoStaysThrottledSaysWhatToDo() async throws {
        let (server, patient) = try server { _, _ in
            .json("{\"__type\":\"ProvisionedThroughputExceededException\"}", status: 400)
        }
        let client = TableClient(session: patient.session, table: "t", patience: .zero)
        let error = await #expect(throws: AWSError.self) { try await client.get(ItemKey("a")) }
        let failure = error?.ofTable("t")
        #expect(failure?.code == .storeUnavailable)
        #expect(failure?.cause.hasPrefix("the table is throttled: raise its capacity") == true)
        #expect(server.requests.count == 1)
    }

    @Test func keysThatWereNotProcessedAreAskedForAgain() async throws {
        let (server, client) = try server { _, count in
            let left = count == 1 ? "{\"t\":{\"Keys\":[{\"pk\":{\"S\":\"b\"},\"sk\":{\"S\":\"-\"}}]}}" : "{}"
            let name = count == 1 ? "a" : "b"
            let items = "[{\"pk\":{\"S\":\"\(name)\"},\"sk\":{\"S\":\"-\"}}]"
            return .json("{\"Responses\":{\"t\":\(items)},\"UnprocessedKeys\":\(left)}")
        }
        let found = try await client.get([ItemKey("a"), ItemKey("b"), ItemKey("a")])
        #expect(Set(found.keys) == [ItemKey("a"), ItemKey("b")])
        #expect(server.requests.count == 2)
    }

    @Test(arguments: ["UnrecognizedClientException", "AccessDeniedException", "InvalidSignatureException"])
    func refusedCredentialsAreNamed(code: String) async throws {
        let (server, client) = try server { _, _ in .json("{\"__type\":\"\(code)\"}", status: 400) }
        let failure = try #require(await failure(of: "t", client.session))
        #expect(failure.cause.hasPrefix("the credentials are refused"))
        #expect(failure.cause.contains(code))
        #expect(server.requests.allSatisfy { $0.headers["x-amz-target"] == "DynamoDB_20120810.DescribeTable" })
    }

    @Test func halfAnAnswerIsNoAnswer() async throws {
        let half = Array("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"Ta".utf8)
        let (server, client) = try server { _, _ in .raw(half) }
        #expect(await failure(of: "t", client.session)?.code == .storeUnavailable)
        #expect(server.requests.count == 1)
    }

    @Test func valuesComeBackAsTheyWere() throws {
        var item = Item(ItemKey("partition #1", "sort \u{1F6F6}"))
        item["text"] = .text("quoted \"\\\" \u{0}")
        item["least"] = .integer(.min)
        item["most"] = .integer(.max)
        item["bytes"] = .bytes([0, 255, 10])
        item["none"] = .bytes([])
        let read = try #require(Item(JSONDocument(item.json.serialised()).root))
        #expect(read.key == item.key)
        #expect(read.attributes == item.attributes)
    }

    @Test func placeholdersStandForTheirNames() throws {
        let condition = Condition.absent || Condition("#until <= :now", [":now": .integer(1)])
        let write = Write(ItemKey("a"), .update("SET #n = :n ADD #m :one", [":n": .integer(2), ":one": .integer(1)]),
            if: condition)
        let members = JSONValue.object(write.members(table: "t"))
        #expect(
            members["ExpressionAttributeNames"]
                == ["#m": "m", "#n": "n", "#pk": "pk", "#until": "until"])
        #expect(members["ConditionExpression"] == "(attribute_not_exists(#pk)) OR (#until <= :now)")
        #expect(members["ExpressionAttributeValues"]?.members?.map(\.key) == [":n", ":now", ":one"])
    }
}
