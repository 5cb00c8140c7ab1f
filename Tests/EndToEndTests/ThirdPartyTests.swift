import Cryptography
import Events
import Foundation
import HTTP
import JSON
import LocalCloud
import Signatures
import Support
import Testing

/// The whole way against a server and a publisher that others wrote: boto3 puts events on Moto's bus, a rule takes
/// them to Moto's queue, the sidecar does the rest.
@Suite(.serialized) struct ThirdPartyTests {
    static let good = 20

    @Test func eventsFromABusOfOthersAreHandledAndAForgeryIsFound() async throws {
        let moto = try MotoServer.shared()
        let house = try House()
        let forger = try PrivateKey(SigningKey.generate(), keyID: "publisher")
        var details = try (0..<Self.good).map {
            try house.detail("{\"do\":\"spread\",\"n\":\($0)}", id: "moto-\($0)")
        }
        details.append(try house.detail("{\"do\":\"spread\",\"n\":-1}", id: "moto-forged", key: forger))
        try JSONValue.array(details.map { .string($0) }).serialised().write(to: house.folder.file("details.json"))
        let queues = try publish(house, moto)
        try await servingKeys(of: house) { keys in
            let path = try house.write(
                endpoint: moto.endpoint, queue: queues.main, deadLetters: queues.letters, keys: keys)
            let sidecar = try house.start(path)
            let ended = await eventually(within: .seconds(120), every: .milliseconds(500)) {
                guard let left = try? count(queues.main, moto) else { return false }
                return left == 0 && (try? count(queues.letters, moto)) == 1
            }
            #expect(ended, "\(sidecar.lines.suffix(3000))")
            let handled = await sidecar.metric("outrigger_handled_total", "outcome=\"done\"")
            #expect(handled == Double(Self.good))
            let letter = try boto(
                """
                answer = sqs.receive_message(QueueUrl='\(queues.letters)', MessageAttributeNames=['All'])
                message = answer['Messages'][0]
                failure = json.loads(message['MessageAttributes']['outrigger-failure']['StringValue'])
                print(failure['code'], failure['signature'], 'moto-forged' in message['Body'])
                """, moto)
            #expect(letter == "verify.bad-signature not-verified True")
            #expect(sidecar.stop() == 0)
        }
    }

    /// The key set from a server of its own, as a signature service would publish it.
    private func servingKeys(of house: House, _ body: @Sendable @escaping (String) async throws -> Void) async throws {
        var options = LocalCloud.Options()
        let document = ArraySlice(house.keySet)
        options.keySet = { document }
        try await LocalCloud.serving(options) { cloud in try await body(cloud.endpoint + "/keys/jwks-pqc") }
    }

    /// Queues, a rule and the events, all by boto3.
    private func publish(_ house: House, _ moto: MotoServer) throws -> (main: String, letters: String) {
        let urls = try boto(
            """
            urls = [sqs.create_queue(QueueName=n, Attributes={'VisibilityTimeout': '30'})['QueueUrl']
                    for n in ('e2e-main', 'e2e-dlq')]
            arn = sqs.get_queue_attributes(QueueUrl=urls[0], AttributeNames=['QueueArn'])['Attributes']['QueueArn']
            events.put_rule(Name='e2e', EventPattern=json.dumps({'source': ['test.in']}))
            events.put_targets(Rule='e2e', Targets=[{'Id': 'main', 'Arn': arn}])
            details = json.load(open('\(house.folder.file("details.json"))'))
            for start in range(0, len(details), 10):
                answer = events.put_events(Entries=[
                    {'Source': 'test.in', 'DetailType': 'Test.Done.v1', 'Detail': d}
                    for d in details[start:start + 10]])
                assert answer['FailedEntryCount'] == 0, answer
            print(*urls)
            """, moto
        ).split(separator: " ").map(String.init)
        try #require(urls.count == 2)
        return (urls[0], urls[1])
    }

    private func count(_ queue: String, _ moto: MotoServer) throws -> Int {
        let text = try boto(
            """
            names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible']
            print(sum(int(n) for n in sqs.get_queue_attributes(
                QueueUrl='\(queue)', AttributeNames=names)['Attributes'].values()))
            """, moto)
        return try #require(Int(text))
    }

    private func boto(_ body: String, _ moto: MotoServer) throws -> String {
        let script = """
            import boto3, json
            sqs, events = (boto3.client(n, endpoint_url='\(moto.endpoint)', region_name='us-east-1',
                aws_access_key_id='test', aws_secret_access_key='test') for n in ('sqs', 'events'))
            \(body)
            """
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "boto3 is missing? Tests/run installs what tests need")
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

extension [UInt8] {
    fileprivate func write(to path: String) throws { try Data(self).write(to: URL(filePath: path)) }
}
