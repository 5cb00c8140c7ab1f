import AWS
import Events
import Glibc
import HTTP
import Pipeline

/// Receive and delete, by tens: HTTP, signatures of the requests, the answers' JSON, envelopes.
enum ReceiveStage {
    static func run(_ count: Int, _ meter: Meter) async throws {
        let server = try QueueProcess()
        let url = "http://127.0.0.1:\(server.port)"
        let client = HTTPClient()
        let environment = ["AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"]
        let options = AWSOptions(region: "us-east-1", queueEndpoint: url, environment: environment)
        let queue = SQSQueue(
            AWSSession(options, http: client, clock: StandingClock()), queue: url + "/000000000000/bench")
        for _ in 0..<count / 10 {
            let envelopes = try await meter.step("receive") { try await queue.receive(atMost: 10, wait: .seconds(20)) }
            let receipts = envelopes.map(\.receipt)
            let failures = await meter.step("delete") { await queue.delete(receipts) }
            precondition(envelopes.count == 10 && failures.allSatisfy { $0 == nil })
        }
        client.shutdown()
    }
}

/// This program again, as the queue. It ends with its input, and so with this process.
private struct QueueProcess {
    let port: Int

    init() throws {
        var input: [Int32] = [-1, -1]
        var output: [Int32] = [-1, -1]
        guard pipe(&input) == 0, pipe(&output) == 0 else { throw Failure(.receiveUnavailable, "pipe") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input[0], 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        posix_spawn_file_actions_addclose(&actions, input[1])
        let arguments = [CommandLine.arguments[0], "canned-queue", "10"].map { (text: String) in strdup(text) }
        defer { for argument in arguments { free(argument) } }
        var process = pid_t()
        guard posix_spawn(&process, CommandLine.arguments[0], &actions, nil, arguments + [nil], nil) == 0 else {
            throw Failure(.receiveUnavailable, CommandLine.arguments[0], "it does not start again")
        }
        var text = [UInt8](repeating: 0, count: 16)
        let size = read(output[0], &text, text.count)
        port = Int(String(decoding: text.prefix(max(0, size - 1)), as: UTF8.self)) ?? 0
    }
}
