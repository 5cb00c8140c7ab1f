import Foundation
import JSON
import LocalCloud
import Support
import Testing

/// A cloud that others wrote, and boto3 to speak with it.
struct ForeignCloud {
    enum Maker: String, CaseIterable, Sendable { case moto, miniStack }

    let endpoint: String
    /// It ends with whoever has it.
    private let server: MotoServer?
    var port: Int {
        get throws { try #require(endpoint.split(separator: ":").last.flatMap { Int($0) }) }
    }

    /// One for all tests of a run.
    init(_ maker: Maker) throws {
        endpoint =
            switch maker {
            case .moto: try MotoServer.shared().endpoint
            case .miniStack: try MiniStackServer.shared().endpoint
            }
        server = nil
    }

    init(_ moto: MotoServer) {
        endpoint = moto.endpoint
        server = moto
    }

    /// Queues, and a rule that takes what comes from `test.in` to the first of them.
    func makeQueues() throws -> (main: String, letters: String) {
        let urls = try boto(
            """
            urls = [sqs.create_queue(QueueName=n, Attributes={'VisibilityTimeout': '30'})['QueueUrl']
                    for n in ('e2e-main', 'e2e-dlq')]
            arn = sqs.get_queue_attributes(QueueUrl=urls[0], AttributeNames=['QueueArn'])['Attributes']['QueueArn']
            events.put_rule(Name='e2e', EventPattern=json.dumps({'source': ['test.in']}))
            events.put_targets(Rule='e2e', Targets=[{'Id': 'main', 'Arn': arn}])
            print(*urls)
            """
        ).split(separator: " ").map(String.init)
        try #require(urls.count == 2)
        return (urls[0], urls[1])
    }

    func put(_ entries: [BusModel.Entry], from house: House) throws {
        let file = house.folder.file("details.json")
        let details = JSONValue.array(entries.map { .string($0.detail ?? "") }).serialised()
        try Data(details).write(to: URL(filePath: file))
        _ = try boto(
            """
            details = json.load(open('\(file)'))
            for start in range(0, len(details), 10):
                answer = events.put_events(Entries=[
                    {'Source': 'test.in', 'DetailType': 'Test.Done.v1', 'Detail': d}
                    for d in details[start:start + 10]])
                assert answer['FailedEntryCount'] == 0, answer
            """)
    }

    /// Visible or not.
    func count(_ queue: String) throws -> Int {
        let text = try boto(
            """
            names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible']
            print(sum(int(n) for n in sqs.get_queue_attributes(
                QueueUrl='\(queue)', AttributeNames=names)['Attributes'].values()))
            """)
        return try #require(Int(text))
    }

    /// As `config/deploy/dynamodb.yaml` makes it.
    func makeTable(_ name: String) throws {
        _ = try boto(
            """
            def key(partition, sort):
                return [{'AttributeName': partition, 'KeyType': 'HASH'}, {'AttributeName': sort, 'KeyType': 'RANGE'}]
            def index(name, partition, sort, projection):
                return {'IndexName': name, 'KeySchema': key(partition, sort), 'Projection': projection}
            types = {'pk': 'S', 'sk': 'S', 'dp': 'S', 'ds': 'N', 'ep': 'S', 'es': 'N'}
            tables = boto3.client('dynamodb', endpoint_url='\(endpoint)', region_name='us-east-1',
                aws_access_key_id='test', aws_secret_access_key='test')
            tables.create_table(
                TableName='\(name)', BillingMode='PAY_PER_REQUEST', KeySchema=key('pk', 'sk'),
                AttributeDefinitions=[{'AttributeName': n, 'AttributeType': t} for n, t in types.items()],
                GlobalSecondaryIndexes=[
                    index('by-due', 'dp', 'ds', {'ProjectionType': 'INCLUDE', 'NonKeyAttributes': ['size']}),
                    index('by-event', 'ep', 'es', {'ProjectionType': 'KEYS_ONLY'})])
            tables.update_time_to_live(
                TableName='\(name)', TimeToLiveSpecification={'Enabled': True, 'AttributeName': 'ttl'})
            """)
    }

    func boto(_ body: String) throws -> String {
        let script = """
            import boto3, json
            sqs, events = (boto3.client(n, endpoint_url='\(endpoint)', region_name='us-east-1',
                aws_access_key_id='test', aws_secret_access_key='test') for n in ('sqs', 'events'))
            \(body)
            """
        let process = try ChildProcess(["python3", "-c", script], output: .pipe)
        var text = ""
        while case .bytes(let bytes)? = process.output?.read(within: .seconds(60)) {
            text += String(decoding: bytes, as: UTF8.self)
        }
        try #require(process.end() == .exit(0), "boto3 is missing? Tests/run installs what tests need")
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

extension House {
    /// The key set from a server of its own, as a signature service would publish it.
    func servingKeys(_ body: (String) async throws -> Void) async throws {
        var options = LocalCloud.Options()
        let document = ArraySlice(keySet)
        options.keySet = { document }
        try await LocalCloud.serving(options) { cloud in try await body(cloud.endpoint + "/keys/jwks-pqc") }
    }
}
