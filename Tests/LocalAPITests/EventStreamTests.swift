import Events
import Foundation
import HTTP
import JSON
import Support
import Synchronization
import Testing

@testable import LocalAPI

/// Server-Sent Events over a real socket: no gap, no repeat, no reader that holds up others.
@Suite struct EventStreamTests {
    @Test func aStreamBeginsWithWhatComes() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            _ = try await bench.publish(EventBench.event("before"))
            let reader = Reader(bench.socket, "/v1/events/stream")
            try await reader.reading {
                #expect(await reader.isOpen())
                let id = try await bench.publish(EventBench.event("after")).ids
                #expect(await reader.has(1))
                #expect(reader.all.map(\.event) == id)
                #expect(reader.all.map(\.name) == ["accepted"])
                #expect(reader.text.hasPrefix("retry: 2000\n\n"))
            }
        }
    }

    @Test func aStreamIsNarrowedByItsAddress() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            let paths = [
                "/v1/events/stream?correlationId=c-1", "/v1/events/stream?resource=urn:c-1",
                "/v1/events/stream?source=test.out&correlationId=c-1",
                "/v1/events/stream/user/user%201?correlationId=c-1",
            ]
            for path in paths {
                let reader = Reader(bench.socket, path)
                try await reader.reading {
                    #expect(await reader.isOpen())
                    _ = try await bench.publish(EventBench.event("c-2", n: 1))
                    let wanted = try await bench.publish(EventBench.event("c-1", n: 1)).ids
                    #expect(await reader.has(1))
                    #expect(reader.all.map(\.event) == wanted, "\(path)")
                }
            }
            #expect(try await bench.ask("GET", "/v1/events/stream?user=x").status == 400)
        }
    }

    @Test func aReaderThatComesAgainMissesNothingAndSeesNothingTwice() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            var numbers: [Int64] = []
            var last: Int64 = 0
            let writing = Task { for n in 0..<200 { _ = try await bench.publish(EventBench.event("c", n: n)) } }
            while numbers.count < 200 {
                let byHeader = numbers.count % 2 == 0
                let reader = Reader(
                    bench.socket, "/v1/events/stream?correlationId=c" + (byHeader ? "" : "&lastEventId=\(last)"),
                    byHeader ? [HTTPHeader("Last-Event-ID", "\(last)")] : [])
                let wanted = min(37, 200 - numbers.count)
                try await reader.reading { #expect(await reader.has(wanted)) }
                numbers += reader.all.map(\.number)
                last = numbers.last ?? last
            }
            try await writing.value
            #expect(numbers == Array(1...200))
        }
    }

    @Test func aQuietStreamSaysThatItLives() async throws {
        let bench = try await EventBench(timing: .init(heartbeat: .milliseconds(50)))
        try await bench.serving {
            let reader = Reader(bench.socket, "/v1/events/stream")
            try await reader.reading {
                #expect(await eventually { reader.text.components(separatedBy: ": alive\n\n").count > 3 })
            }
        }
    }

    @Test func aReaderThatNeverReadsIsCutOff() async throws {
        let bench = try await EventBench(timing: .init(patience: .milliseconds(300)))
        try await bench.serving {
            let lazy = try RawSocket(bench.socket)
            lazy.send("GET /v1/events/stream?lastEventId=0 HTTP/1.1\r\nHost: x\r\n\r\n")
            // Far more than the buffers of both ends hold.
            let filler = String(repeating: "x", count: 400)
            for _ in 0..<20 {
                let events = (0..<100).map { n in
                    EventBench.event("c", n: n).replacing("urn:c", with: filler + "\(n)")
                }
                #expect(try await bench.publish("[\(events.joined(separator: ","))]").status == 202)
            }
            let eager = Reader(bench.socket, "/v1/events/stream", [HTTPHeader("Last-Event-ID", "0")])
            try await eager.reading { #expect(await eager.has(2_000)) }
            // Only now does it read: what was under way, and then the end.
            let rest = await lazy.receiveAll()
            #expect(!rest.contains("id: 2000\n"))
        }
    }

    @Test func streamsOfAPeerAreCountedAndCountNoMoreWhenTheyEnd() async throws {
        let bench = try await EventBench(timing: .init(heartbeat: .milliseconds(50)))
        try await bench.serving {
            let first = Reader(bench.socket, "/v1/events/stream"), second = Reader(bench.socket, "/v1/events/stream")
            try await first.reading {
                try await second.reading {
                    #expect(await first.isOpen())
                    #expect(await second.isOpen())
                    let third = try await bench.ask("GET", "/v1/events/stream")
                    #expect(third.status == 429 && third.code == "api.throttled")
                    #expect(third.headers["Retry-After"] != nil)
                }
            }
            let again = Reader(bench.socket, "/v1/events/stream")
            let opens = try await eventually {
                var isOpen = false
                try await again.reading { isOpen = await again.isOpen(within: .seconds(1)) }
                return isOpen
            }
            #expect(opens)
        }
    }

    @Test func rowsOfOthersAreNotInAStream() async throws {
        let bench = try await EventBench(grant: EventBench.grant(tenants: ["t-1"]))
        try await bench.serving {
            let reader = Reader(bench.socket, "/v1/events/stream")
            try await reader.reading {
                #expect(await reader.isOpen())
                _ = try await bench.publish(EventBench.event("c", tenant: "t-2"))
                let mine = try await bench.publish(EventBench.event("c", tenant: "t-1")).ids
                #expect(await reader.has(1))
                #expect(reader.all.map(\.event) == mine)
            }
        }
    }

    @Test func aNumberFromElsewhereBeginsWithWhatComes() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            _ = try await bench.publish(EventBench.event("before"))
            let reader = Reader(bench.socket, "/v1/events/stream?lastEventId=999999")
            try await reader.reading {
                #expect(await reader.isOpen())
                let id = try await bench.publish(EventBench.event("after")).ids
                #expect(await reader.has(1))
                #expect(reader.all.map(\.event) == id)
            }
            #expect(try await bench.ask("GET", "/v1/events/stream?lastEventId=x").status == 400)
        }
    }
}

/// Reads a stream for as long as the test wants, then hangs up.
private final class Reader: Sendable {
    struct Block: Sendable {
        let number: Int64
        let name: String
        let event: String
    }
    private let socket: String
    private let path: String
    private let headers: [HTTPHeader]
    private let bytes = Mutex<[UInt8]>([])

    init(_ socket: String, _ path: String, _ headers: [HTTPHeader] = []) {
        self.socket = socket
        self.path = path
        self.headers = headers
    }

    var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }

    /// The whole blocks that have data.
    var all: [Block] {
        text.components(separatedBy: "\n\n").dropLast().compactMap { block in
            var fields: [Substring: Substring] = [:]
            for line in block.split(separator: "\n") {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2 { fields[parts[0]] = parts[1].dropFirst() }
            }
            guard let data = fields["data"], let json = try? JSONValue.parse(String(data)) else { return nil }
            return Block(
                number: Int64(fields["id"] ?? "") ?? 0, name: String(fields["event"] ?? ""),
                event: json["eventId"]?.string ?? "")
        }
    }

    func isOpen(within limit: Duration = .seconds(30)) async -> Bool {
        await eventually(within: limit, every: .milliseconds(5)) { text.contains("retry:") }
    }
    func has(_ count: Int) async -> Bool { await eventually(every: .milliseconds(10)) { all.count >= count } }

    func reading(_ body: () async throws -> Void) async throws {
        let client = HTTPClient(connections: 1)
        var request = HTTPRequest(
            url: "http://localhost" + path, headers: headers, timeout: .seconds(120), unixSocket: socket)
        request.onBody = { [self] piece in
            bytes.withLock { $0 += piece }
            return true
        }
        let transfer = Task { [request] in try? await client.send(request) }
        defer {
            transfer.cancel()
            client.shutdown()
        }
        try await body()
        transfer.cancel()
        _ = await transfer.value
    }
}
