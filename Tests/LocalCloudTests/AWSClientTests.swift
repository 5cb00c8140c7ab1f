import Foundation
import JSON
import Support
import Testing

@testable import LocalCloud

/// What AWS's own clients make of a local cloud.
@Suite struct AWSClientTests {
    @Test(arguments: ["sqs.py", "events.py"]) func boto3FindsWhatItExpects(script: String) async throws {
        let cloud = LocalCloud()
        let outcome = try await cloud.serve {
            try await Program.run(
                ["python3", Fixtures.path("scripts/\(script)"), cloud.endpoint], endpoint: cloud.endpoint)
        }
        #expect(outcome.status == 0 && outcome.output == "ok\n", "\(outcome.errors)")
    }

    @Test func theCommandLinePutsReceivesAndDeletes() async throws {
        let cloud = LocalCloud()
        try cloud.createQueue("cli")
        try cloud.putRule("all", pattern: #"{"source":[{"prefix":"qsl."}]}"#, queue: "cli")
        try await cloud.serve {
            func aws(_ arguments: String...) async throws -> Program.Outcome {
                try await Program.run(["aws", "--endpoint-url", cloud.endpoint] + arguments, endpoint: cloud.endpoint)
            }
            async let missing = aws("sqs", "get-queue-url", "--queue-name", "none")
            let put = try await aws(
                "events", "put-events", "--entries",
                #"[{"Source":"qsl.token","DetailType":"Token.Minted.v1","Detail":"{\"n\":1}"}]"#)
            #expect(put.status == 0, "\(put.errors)")
            #expect(try JSONValue.parse(put.output)["FailedEntryCount"]?.int == 0)
            let url = cloud.queueURL("cli")
            let received = try await aws("sqs", "receive-message", "--queue-url", url, "--attribute-names", "All")
            let message = try #require(try JSONValue.parse(received.output)["Messages"]?[0])
            #expect(message["Body"]?.string?.contains(#""detail":{"n":1}"#) == true)
            let handle = try #require(message["ReceiptHandle"]?.string)
            let deleted = try await aws("sqs", "delete-message", "--queue-url", url, "--receipt-handle", handle)
            #expect(deleted.status == 0, "\(deleted.errors)")
            #expect(cloud.statistics.queue("cli")?.deleted == 1)
            #expect(try await missing.status != 0)
            #expect(try await missing.errors.contains("AWS.SimpleQueueService.NonExistentQueue"))
        }
    }
}
