import Events
import Foundation
import HTTP
import JSON
import LocalCloud

/// How many messages a second LocalCloud can serve: received by tens and deleted by tens, 5.3 kB each. It must not be
/// what limits the other benchmarks. Its clients share the machine with it.
struct CloudBenchmark {
    private static let count = 100_000
    private static let clients = 4

    func run() async throws {
        try await LocalCloud.serving(LocalCloud.Options()) { cloud in
            try cloud.createQueue("bench", ["VisibilityTimeout": "60"])
            try cloud.putRule("bench", pattern: #"{"source":["test.in"]}"#, queue: "bench")
            let detail = "{\"filler\":\"\(String(repeating: "x", count: 5_000))\"}"
            let entry = BusModel.Entry(source: "test.in", detailType: "Payment.Settled.v1", detail: detail)
            for _ in 0..<(Self.count / 10) { try cloud.putEvents(Array(repeating: entry, count: 10)) }
            let process = ProcessInfo.processInfo.processIdentifier
            let (start, before) = (ContinuousClock.now, Machine.microseconds(of: process))
            let url = cloud.queueURL("bench")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<Self.clients { group.addTask { try await drain(url, cloud.endpoint) } }
                try await group.waitForAll()
            }
            let seconds = Double((ContinuousClock.now - start).milliseconds) / 1000
            let cost = (Machine.microseconds(of: process) - before) / Double(Self.count)
            print("\nLocalCloud: \(Self.count) messages of 5.3 kB, \(Self.clients) clients, receive and delete by tens")
            print(String(format: "  messages per second %.0f (target 20000)", Double(Self.count) / seconds))
            print(String(format: "  CPU per message     %.1f us, the clients' included", cost))
        }
    }

    private func drain(_ queue: String, _ endpoint: String) async throws {
        let client = HTTPClient(connections: 1)
        defer { client.shutdown() }
        func call(_ operation: String, _ members: String) async throws -> JSONNode {
            let headers = [
                HTTPHeader("Content-Type", "application/x-amz-json-1.0"),
                HTTPHeader("X-Amz-Target", "AmazonSQS.\(operation)"),
            ]
            let body = Bytes("{\"QueueUrl\":\"\(queue)\",\(members)}".utf8)
            let request = HTTPRequest(
                method: "POST", url: endpoint, headers: headers, body: body, maximumBodyBytes: 1 << 24)
            return try JSONDocument(try await client.send(request).body).root
        }
        while true {
            let reply = try await call("ReceiveMessage", "\"MaxNumberOfMessages\":10")
            let handles = (reply["Messages"]?.elements ?? []).compactMap { $0["ReceiptHandle"]?.string }
            if handles.isEmpty { return }
            let entries = handles.enumerated().map { #"{"Id":"\#($0)","ReceiptHandle":"\#($1)"}"# }
            _ = try await call("DeleteMessageBatch", "\"Entries\":[\(entries.joined(separator: ","))]")
        }
    }
}
