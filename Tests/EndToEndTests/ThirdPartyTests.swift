import Cryptography
import Foundation
import LocalCloud
import Signatures
import Support
import Testing

/// The whole way against servers and a publisher that others wrote: boto3 puts events on a bus of Moto or MiniStack, a
/// rule takes them to a queue there, the sidecar does the rest.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ThirdPartyTests {
    static let good = 20

    @Test(arguments: ForeignCloud.Maker.allCases)
    func eventsFromABusOfOthersAreHandledAndAForgeryIsFound(maker: ForeignCloud.Maker) async throws {
        let cloud = try ForeignCloud(maker)
        let house = try House()
        let forger = try PrivateKey(SigningKey.generate(), keyID: "publisher")
        var entries = try Self.entries(Self.good, house)
        entries.append(try house.entry("{\"do\":\"spread\",\"n\":-1}", id: "foreign-forged", key: forger))
        let queues = try cloud.makeQueues()
        try cloud.put(entries, from: house)
        try await house.servingKeys { keys in
            let path = try house.write(
                endpoint: cloud.endpoint, queue: queues.main, deadLetters: queues.letters, keys: keys)
            let sidecar = try house.start(path)
            let ended = await eventually(within: .seconds(120), every: .milliseconds(500)) {
                guard let left = try? cloud.count(queues.main) else { return false }
                return left == 0 && (try? cloud.count(queues.letters)) == 1
            }
            #expect(ended, "\(sidecar.lines.suffix(3000))")
            let handled = await sidecar.metric("outrigger_handled_total", "outcome=\"done\"")
            #expect(handled == Double(Self.good))
            let letter = try cloud.boto(
                """
                answer = sqs.receive_message(QueueUrl='\(queues.letters)', MessageAttributeNames=['All'])
                message = answer['Messages'][0]
                failure = json.loads(message['MessageAttributes']['outrigger-failure']['StringValue'])
                print(failure['code'], failure['signature'], 'foreign-forged' in message['Body'])
                """)
            #expect(letter == "verify.bad-signature not-verified True")
            #expect(sidecar.stop() == 0)
        }
    }

    private static func entries(_ count: Int, _ house: House) throws -> [BusModel.Entry] {
        try (0..<count).map { try house.entry("{\"do\":\"spread\",\"n\":\($0)}", id: "foreign-\($0)") }
    }

    /// It keeps nothing: its publisher sends everything again to the next one.
    @Test func aServerOfOthersIsKilledWithAllItHeldAndNothingIsDoneTwice() async throws {
        let house = try House()
        let entries = try Self.entries(60, house)
        let first = try MotoServer()
        let proxy = try FaultProxy(to: try ForeignCloud(first).port)
        defer { proxy.close() }
        let queues = try ForeignCloud(first).makeQueues()
        try ForeignCloud(first).put(entries, from: house)
        func throughProxy(_ queue: String) -> String { queue.replacing(first.endpoint, with: proxy.endpoint) }
        try await house.servingKeys { keys in
            let path = try house.write(
                endpoint: proxy.endpoint, queue: throughProxy(queues.main), deadLetters: throughProxy(queues.letters),
                keys: keys)
            let sidecar = try house.start(path)
            let isHalfDone = await eventually(within: .seconds(120)) {
                await sidecar.metric("outrigger_handled_total", "outcome=\"done\"") >= 20
            }
            #expect(isHalfDone, "\(sidecar.lines.suffix(3000))")
            first.kill()
            let isNoticed = await eventually {
                await sidecar.metric("outrigger_failures_total", "receive.unavailable") >= 1
            }
            #expect(isNoticed, "\(sidecar.lines.suffix(3000))")
            let second = ForeignCloud(try MotoServer())
            let queues = try second.makeQueues()
            try second.put(entries, from: house)
            proxy.lead(to: try second.port)
            let isDone = await eventually(within: .seconds(120), every: .milliseconds(500)) {
                guard (try? second.count(queues.main)) == 0 else { return false }
                return await sidecar.metric("outrigger_outbox_events") == 0
            }
            #expect(isDone, "\(sidecar.lines.suffix(3000))")
            #expect(await sidecar.metric("outrigger_handled_total", "outcome=\"done\"") == 60)
            #expect(try second.count(queues.letters) == 0)
            #expect(sidecar.stop() == 0)
        }
    }
}
