import Cryptography
import Events
import Foundation
import JSON
import Pipeline
import Signatures

/// Ten messages as they are in practice: an envelope of 5.3 kB with a detailCore of 600 B and a token of 4.1 kB, each
/// with a signature of its own, by a key that is the same in every run.
enum Messages {
    static let now = Instant(unixSeconds: 1_790_000_000)
    static let sources = ["test.*"]

    static func key() throws -> PrivateKey { try PrivateKey(SigningKey(seed: Array(0..<32)), keyID: "bench") }

    /// The bodies.
    static func bodies(_ count: Int = 10) throws -> [String] {
        let key = try key()
        let filler = String(repeating: "x", count: 560)
        return try (0..<count).map { number in
            let header = TokenHeader(
                algorithm: .dilithium2, keyID: "", signedAt: now, source: "test.in", detailType: "Payment.Settled.v1",
                resource: "", id: "bench-\(number)")
            let core = Bytes("{\"filler\":\"\(filler)\",\"n\":\(number)}")
            let detail = try KeyTool.signedDetail(core: core, header: header, with: key, form: .dilithium2(.mldsa44))
            return """
                {"version":"0","id":"8d6a3b3e-6c63-4a3a-9d3c-0000000000\(10 + number)",\
                "detail-type":"Payment.Settled.v1","source":"test.in","account":"000000000000",\
                "time":"2026-09-21T14:13:20Z","region":"us-east-1","resources":[],\
                "detail":\(String(decoding: detail, as: UTF8.self))}
                """
        }
    }

    static func envelopes() throws -> [Envelope] {
        try bodies().enumerated().map { number, body in
            Envelope(
                messageID: MessageID("5d1c8f0e-0000-4000-8000-00000000000\(number)"),
                receipt: ReceiptHandle("AQEB" + String(repeating: "r", count: 200) + "\(number)"), body: Bytes(body),
                sentAt: now, firstReceivedAt: now)
        }
    }

    /// What SQS answers to ReceiveMessage.
    static func receiveReply(_ count: Int) throws -> [UInt8] {
        let time = String(now.unixMilliseconds)
        let messages = try bodies(min(count, 10)).enumerated().map { number, body -> JSONValue in
            [
                "MessageId": .string("5d1c8f0e-0000-4000-8000-00000000000\(number)"),
                "ReceiptHandle": .string("AQEB" + String(repeating: "r", count: 200) + "\(number)"),
                "MD5OfBody": .string(String(repeating: "0", count: 32)),
                "Body": .string(body),
                "Attributes": [
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": .string(time),
                    "ApproximateReceiveCount": "1", "SentTimestamp": .string(time),
                ],
            ]
        }
        return JSONValue.object([JSONMember("Messages", .array(messages))]).serialised()
    }

    /// To DeleteMessageBatch.
    static let deleteReply = Array(
        (#"{"Failed":[],"Successful":["# + (0..<10).map { #"{"Id":"\#($0)"}"# }.joined(separator: ",") + "]}").utf8)
}

struct StandingClock: WallClock {
    var now: Instant { Messages.now }
}
