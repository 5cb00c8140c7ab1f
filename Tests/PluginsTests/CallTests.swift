import Events
import Foundation
import HTTP
import Pipeline
@testable import Plugins
import Services
import Support
import Synchronization
import Testing
import WorkerProtocol

/// eh.call/1: a handler in a real worker, and a real service on a Unix socket.
@Suite struct CallTests {
    /// Hears nothing.
    private struct Deaf: ServiceObserver {
        func note(_ event: ServiceEvent, of service: String) {}
    }

    /// What one test needs: a service, and the way to it.
    private struct House {
        let folder: TemporaryFolder
        let directory: ServiceDirectory
        let server: TestServer
        private let client = HTTPClient()

        init(_ handler: @escaping TestServer.Handler) throws {
            folder = try TemporaryFolder()
            server = try TestServer(unixSocket: folder.file("api.sock"), handler: handler)
            directory = ServiceDirectory(client: client, clock: SystemTime(), observer: Deaf())
            directory.become([
                ServiceOptions(
                    name: "ledger", socket: folder.file("api.sock"), timeout: .seconds(60), concurrency: 16,
                    breaker: .init(failures: 1_000))
            ])
        }

        private struct SystemTime: WallClock {
            var now: Instant { Instant(unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
        }

        func with(
            in isolation: Isolation = .worker, _ change: (inout HandlerOptions) -> Void = { _ in },
            _ body: (TestHost) async throws -> Void
        ) async throws {
            try await TestHost.with(
                "calling", of: "calling", in: isolation, services: directory,
                {
                    $0.calls = ["ledger"]
                    $0.deadline = .seconds(60)
                    change(&$0)
                }, { test, _ in try await body(test) })
        }
    }

    @Test(arguments: Isolation.allCases)
    func anAllowedCallIsAnswered(_ isolation: Isolation) async throws {
        let house = try House { _ in .answer(201, body: Array("booked".utf8)) }
        try await house.with(in: isolation) { test in
            try await test.expect("calling", do: "post", "reject 201.booked")
            let request = try #require(house.server.requests.first)
            #expect(request.method == "POST" && request.target == "/entries")
            #expect(request.body == Array("{\"amount\":1}".utf8))
            #expect(request.headers["idempotency-key"]?.count == 32)
        }
    }

    @Test func methodHeadersAndOwnKeyAreTheHandlers() async throws {
        let house = try House { _ in .answer(200, headers: ["X-Answer": "yes"], body: Array("ok".utf8)) }
        try await house.with { test in
            try await test.expect("calling", do: "headers", "reject 200.ok")
            try await test.expect("calling", do: "get", "reject 200.ok")
            try await test.expect("calling", do: "own-key", "reject 200.ok")
            let requests = house.server.requests
            #expect(requests[0].target == "/headers?of=all")
            #expect(requests[0].headers["content-type"] == "application/json")
            #expect(requests[0].headers["x-tenant"] == "t1")
            #expect(requests[1].method == "GET" && requests[1].body.isEmpty)
            #expect(requests[2].headers["idempotency-key"] == "own-key-1")
        }
    }

    @Test func anyStatusIsAnAnswer() async throws {
        let house = try House { _ in .answer(503, body: Array("later".utf8)) }
        try await house.with { test in try await test.expect("calling", do: "post", "reject 503.later") }
    }

    @Test func aServiceThatIsNotListedIsDeniedAndSaidSo() async throws {
        let house = try House { _ in .answer(200) }
        try await house.with { test in
            try await test.expect("calling", do: "other", "reject denied")
            await test.recorder.first {
                if case .callDenied(let id, "other") = $0 { id.text == "e-0" } else { false }
            }
        }
        try await house.with({ $0.calls = [] }) { test in
            try await test.expect("calling", do: "post", "reject denied")
        }
        #expect(house.server.requests.isEmpty)
    }

    @Test func nobodyThereIsUnavailable() async throws {
        let house = try House { _ in .raw([]) }
        try await house.with { test in try await test.expect("calling", do: "post", "reject unavailable") }
        house.directory.become([])
        try await house.with { test in try await test.expect("calling", do: "post", "reject unavailable") }
    }

    @Test(arguments: Isolation.allCases)
    func aRehearsalRunsInTheSameWorkersAndCallsNobody(_ isolation: Isolation) async throws {
        let house = try House { _ in .answer(201, body: Array("booked".utf8)) }
        try await house.with(in: isolation) { test in
            let assignment = TestHost.assignment("e-0", #"{"do":"post"}"#, fence: .max - 7)
            let batch = Batch(handler: HandlerID("calling"), assignments: [assignment], isAlone: true)
            #expect(try await test.host.rehearse(batch).map(\.word) == ["reject unavailable"])
            #expect(house.server.requests.isEmpty)
            try await test.expect("calling", do: "post", "reject 201.booked")
        }
    }

    @Test func itsOwnTimeoutIsShorterThanTheEvent() async throws {
        let house = try House { _ in .silence }
        try await house.with { test in try await test.expect("calling", do: "impatient", "reject unavailable") }
    }

    @Test(arguments: Isolation.allCases)
    func whatCannotBeIsInvalidAndNeverSent(_ isolation: Isolation) async throws {
        let house = try House { _ in .answer(200) }
        try await house.with(in: isolation) { test in try await test.expect("calling", do: "malformed", "done") }
        #expect(house.server.requests.isEmpty)
    }

    @Test func requestsAndAnswersAreBounded() async throws {
        let house = try House { request in
            request.target == "/entries" ? .flood(1 << 30, isAnnounced: false) : .answer(200)
        }
        try await house.with { test in
            try await test.expect("calling", do: "post", "reject too-large")
            #expect(!test.recorder.lines.contains { $0.message.hasPrefix("contract:") }, "it was the service's answer")
            try await test.expect("calling", do: "too-large", "reject too-large")
            #expect(test.recorder.lines.contains { $0.message == "contract: eh_call.call answered EH_TOO_LARGE" })
            try await test.expect("calling", do: "often", "reject too-large")
            try await test.expect("calling", do: "heavy", "reject after-4")
        }
        #expect(house.server.requests.count { $0.target == "/often" } == 32)
        #expect(house.server.requests.count { $0.target == "/large" } == 0)
    }

    @Test(arguments: Isolation.allCases)
    func anAnswerLivesUntilHandleReturns(_ isolation: Isolation) async throws {
        let house = try House { .answer(200, body: Array($0.target.dropFirst().utf8)) }
        try await house.with(in: isolation) { test in
            try await test.expect("calling", do: "twice", "reject first.second")
        }
    }

    @Test(arguments: Isolation.allCases)
    func threadsOfOneEventCallAndReadAtOnce(_ isolation: Isolation) async throws {
        let house = try House { _ in .answer(200) }
        try await house.with(in: isolation) { test in
            for _ in 0..<20 { try await test.expect("calling", do: "threads", "done") }
        }
        let keys = house.server.requests.map { $0.headers["idempotency-key"] ?? "" }
        #expect(keys.count == 80 && Set(keys).count == 4)
    }

    @Test func theKeyOfACallIsTheSameOnEveryAttempt() async throws {
        let house = try House { _ in .answer(200) }
        try await house.with { test in
            for _ in 0..<2 { try await test.expect("calling", do: "twice", "reject .") }
        }
        let keys = house.server.requests.map { $0.headers["idempotency-key"] ?? "" }
        #expect(keys[0...1] == keys[2...3] && Set(keys).count == 2)
    }

    @Test func anEventThatIsOverCallsNobody() async throws {
        let house = try House { _ in .answer(200) }
        try await house.with { test in
            let words = try await test.run("calling", [#"{"do":"post"}"#, #"{"do":"stale"}"#]).map(\.word)
            #expect(words == ["reject 200.", "reject expired"])
        }
        #expect(house.server.requests.map(\.target) == ["/entries"])
    }

    // MARK: - the end of a call

    @Test func theEventsDeadlineEndsACall() async throws {
        let house = try House { _ in .silence }
        try await house.with({
            $0.deadline = .milliseconds(300)
            $0.grace = .seconds(30)
        }) { test in
            try await test.expect("calling", do: "until-over", "unanswered")
            await test.recorder.first { Self.says("expired", $0) || Self.says("unavailable", $0) }
        }
    }

    @Test func aLostLeaseEndsACall() async throws {
        let house = try House { _ in .silence }
        try await house.with { test in
            async let outcome = test.run("calling", do: "until-over")
            for await _ in house.server.arrivals { break }
            test.host.revoke(Lease(fence: 100))
            let word = try await outcome.word
            #expect(word == "unanswered")
            await test.recorder.first { Self.says("expired", $0) }
        }
    }

    @Test func aStopLetsACallFinish() async throws {
        let gate = DispatchSemaphore(value: 0)
        let house = try House { _ in
            gate.wait()
            return .answer(200, body: Array("ok".utf8))
        }
        try await house.with { test in
            async let outcome = test.run("calling", do: "post")
            for await _ in house.server.arrivals { break }
            async let stop: Void = test.host.stop(within: .seconds(60))
            gate.signal()
            let word = try await outcome.word
            #expect(word == "reject 200.ok")
            await stop
            #expect(test.recorder.kills.isEmpty)
        }
    }

    @Test func aStopWithoutTimeEndsACall() async throws {
        let house = try House { _ in .silence }
        try await house.with { test in
            async let outcome = test.run("calling", do: "until-over")
            for await _ in house.server.arrivals { break }
            await test.host.stop(within: .zero)
            let word = try await outcome.word
            #expect(word == "unanswered")
        }
    }

    @Test func aWorkerThatDiesInACallTakesNothingWithIt() async throws {
        let house = try House { $0.target == "/silent" ? .silence : .answer(200, body: Array("ok".utf8)) }
        try await house.with { test in
            async let outcome = test.run("calling", do: "until-over")
            for await _ in house.server.arrivals { break }
            let process = await test.recorder.first { if case .started = $0 { true } else { false } }.process
            kill(process, SIGKILL)
            let word = try await outcome.word
            #expect(word == "suspect")
            #expect(await eventually { (try? await test.run("calling", do: "post").word) == "reject 200.ok" })
        }
    }

    private static func says(_ status: String, _ event: WorkerEvent) -> Bool {
        guard case .line(let line) = event else { return false }
        return line.message == "call ended" && line.fields.first?.value == status
    }

    // MARK: - second builds

    @Test(arguments: [("same", TrialResult.same), ("other", .outcome)])
    func aShadowHearsWhatTheServingBuildHeardAndCallsNobody(path: String, result: TrialResult) async throws {
        let house = try House { _ in .answer(201, body: Array("booked".utf8)) }
        let test = try TestHost(services: house.directory)
        var options = TestHost.options("calling", of: "calling")
        options.calls = ["ledger"]
        let trial = TrialOptions(
            kind: .shadow, plugin: TestHost.plugin("calling"), configuration: Bytes("{\"path\":\"\(path)\"}"),
            share: 10_000)
        _ = try await test.host.build(1, handlers: [options], trials: [options.id: trial])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await test.host.runShadows() }
            let words = try await test.run("calling", [#"{"do":"post"}"#, #"{"do":"post"}"#]).map(\.word)
            #expect(words == ["reject 201.booked", "reject 201.booked"])
            #expect(await eventually { test.recorder.trials.count == 2 })
            #expect(test.recorder.trials == [result, result])
            group.cancelAll()
        }
        #expect(house.server.requests.map(\.target) == ["/entries", "/entries"])
        await test.host.stop(within: .seconds(5))
    }

    @Test func aCanaryCalls() async throws {
        let house = try House { .answer(201, body: Array($0.target.dropFirst().utf8)) }
        let test = try TestHost(services: house.directory)
        var options = TestHost.options("calling", of: "calling")
        options.calls = ["ledger"]
        let trial = TrialOptions(
            kind: .canary, plugin: TestHost.plugin("calling"), configuration: Bytes(#"{"path":"other"}"#),
            share: 10_000)
        _ = try await test.host.build(1, handlers: [options], trials: [options.id: trial])
        let first = TestHost.assignment("e-0", #"{"do":"post"}"#, fence: 1)
        let assignment = Assignment(
            event: first.event, lease: first.lease, attempt: 1, deliveries: 1, group: nil, sentAt: first.sentAt)
        let outcome = try await test.host.run(
            Batch(handler: options.id, assignments: [assignment], isAlone: false))
        // What a canary rejects is run again in the serving build: its call was made.
        #expect(outcome.map(\.word) == ["unanswered"])
        #expect(house.server.requests.map(\.target) == ["/elsewhere"])
        await test.host.stop(within: .seconds(5))
    }

    // MARK: - hostile workers

    @Test(arguments: ["stranger", "fence", "frame", "body", "pair", "many"])
    func aForgedCallCostsTheWorkerItsLife(_ what: String) async throws {
        let house = try House { _ in .silence }
        try await house.with { test in
            let outcome = try await test.run("calling", do: "forge-\(what)", alone: true)
            #expect(outcome.word == "struck handle.bad-frame")
        }
        #expect(house.server.requests.allSatisfy { $0.target == "/forged" } && house.server.requests.count <= 1)
    }

    private static var frame: [UInt8] {
        var writer = FrameWriter()
        writer.frame(WP_CALL, stream: 7, fence: 9) { frame in
            for text in ["ledger", "POST", "/entries", "key"] { frame.text(text) }
            frame.u64(250)
            frame.list(["a", "b"]) { $0.text($1); $0.text("value") }
            frame.text("body")
        }
        return writer.bytes
    }

    @Test func aCallFrameIsReadWholeOrNotAtAll() throws {
        var assembler = FrameAssembler()
        Self.frame.withUnsafeBytes { assembler.append($0) }
        guard case .call(let call) = try WorkerMessage(try #require(try assembler.next())) else {
            return #expect(Bool(false), "another frame")
        }
        #expect(call.service == "ledger" && call.method == "POST" && call.path == "/entries")
        #expect(call.idempotencyKey == "key" && call.timeout == .milliseconds(250) && call.body == Bytes("body"))
        #expect(call.headers == [Attribute(name: "a", value: "value"), Attribute(name: "b", value: "value")])
        for length in Frame.headerBytes..<Self.frame.count {
            var short = Array(Self.frame[..<length])
            let payload = UInt32(length - Frame.headerBytes)
            withUnsafeBytes(of: payload.littleEndian) { short.replaceSubrange(0..<4, with: $0) }
            #expect(throws: BadFrame.self) { try FrameTests.frames(of: short, pieces: 4096) }
        }
    }

    @Test func changedBytesNeverCrash() {
        var random = SplitMix(state: 7)
        for _ in 0..<2_000 {
            var bytes = Self.frame
            for _ in 0...Int(random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = try? FrameTests.frames(of: bytes, pieces: 64)
        }
    }
}
