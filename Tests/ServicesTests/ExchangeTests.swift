import Events
import Foundation
import HTTP
import Pipeline
import Services
import Support
import Testing

/// Exchanges with a real server on a Unix socket, which also does what no server should.
struct ExchangeTests {
    private let scene: Scene

    init() throws { scene = try Scene() }

    @Test func aRequestArrivesAsItIsMeant() async throws {
        let server = try scene.serve { _ in
            .answer(201, headers: ["X-Answer": "yes", "Keep-Alive": "timeout=5"], body: Array("{}".utf8))
        }
        let call = ServiceCall.test(
            "/entries?of=a%20b", headers: [Attribute(name: "Content-Type", value: "application/json")],
            body: "{\"a\":1}")
        let answer = try await scene.directory.call(call)
        #expect(answer.status == 201 && answer.body == Bytes("{}") && answer[header: "x-answer"] == "yes")
        #expect(answer[header: "keep-alive"] == nil)
        let request = try #require(server.requests.first)
        #expect(request.method == "POST" && request.target == "/entries?of=a%20b")
        #expect(request.body == Array("{\"a\":1}".utf8))
        #expect(request.headers["content-type"] == "application/json")
        #expect(request.headers["host"] == "localhost")
        #expect(request.headers["idempotency-key"]?.count == 32)
        #expect(request.headers["traceparent"]?.hasPrefix("00-4bf92f3577b34da6a3ce929d0e0e4736-") == true)
        #expect(scene.recorder.events == ["ledger: treasury 201"])
    }

    @Test func theConnectionIsKept() async throws {
        let server = try scene.serve { _ in .answer(204) }
        for _ in 0..<20 { #expect(await scene.word() == "204") }
        #expect(server.connectionCount == 1)
    }

    @Test func aKeyIsTheSameOnEveryAttemptAndAnotherForEachCall() async throws {
        let server = try scene.serve { _ in .answer(200) }
        for attempt in 1...2 {
            for ordinal in 1...3 { _ = await scene.word(.test(attempt: attempt, ordinal: ordinal)) }
        }
        _ = await scene.word(.test(key: "own-1"))
        let keys = server.requests.map { $0.headers["idempotency-key"] ?? "" }
        #expect(keys[0..<3] == keys[3..<6])
        #expect(Set(keys).count == 4 && keys.last == "own-1")
    }

    @Test func aRedirectIsAnAnswerAndNotFollowed() async throws {
        let server = try scene.serve { _ in .answer(307, headers: ["Location": "/elsewhere"]) }
        #expect(await scene.word() == "307")
        #expect(server.requests.count == 1)
    }

    @Test(arguments: [true, false])
    func anAnswerOfAGigabyteIsCutOff(isAnnounced: Bool) async throws {
        let server = try scene.serve { request in
            request.target == "/entries" ? .flood(1 << 30, isAnnounced: isAnnounced) : .answer(200)
        }
        #expect(await scene.word() == "call.too-large")
        #expect(await scene.word(.test("/next")) == "200")
        #expect(server.connectionCount == 2)
    }

    @Test func anAnswerMayBeAsLargeAsThisCallMayHave() async throws {
        let server = try scene.serve { _ in .answer(200, body: Array("0123456789".utf8)) }
        var call = ServiceCall.test()
        call.answerBytes = 10
        #expect(await scene.word(call) == "200")
        call.answerBytes = 9
        #expect(await scene.word(call) == "call.too-large")
        #expect(server.requests.count == 2)
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "call.bad-reply"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "call.bad-reply"),
        ("", "call.bad-reply"),
        ("SSH-2.0-OpenSSH_9.6\r\n", "call.bad-reply"),
    ])
    func anAnswerThatBreaksOffIsNone(_ bytes: String, _ word: String) async throws {
        let server = try scene.serve { _ in .raw(Array(bytes.utf8)) }
        #expect(await scene.word() == word)
        #expect(!server.requests.isEmpty)
    }

    @Test func nobodyThereIsUnavailable() async throws {
        #expect(await scene.word() == "call.unavailable")
        // A socket that nobody listens on any more.
        var server: TestServer? = try scene.serve { _ in .answer(200) }
        #expect(await scene.word() == "200")
        server = nil
        #expect(await eventually { await scene.word() == "call.unavailable" })
        #expect(FileManager.default.fileExists(atPath: scene.socket))
        server = try scene.serve { _ in .answer(200) }
        #expect(await scene.word() == "200")
        _ = server
    }

    @Test func aServiceThatIsNotConfiguredIsUnavailable() async throws {
        #expect(await scene.word(.test(service: "other")) == "call.unavailable")
    }

    @Test func whatCannotBeIsNotSent() async throws {
        let server = try scene.serve { _ in .answer(200) }
        #expect(await scene.word(.test("/a\r\nX: y")) == "call.invalid")
        #expect(server.requests.isEmpty)
    }

    @Test func silenceEndsWithTheServicesTimeoutOrTheCallsWhicheverIsFirst() async throws {
        let server = try scene.serve { _ in .silence }
        scene.become(timeout: .milliseconds(100))
        #expect(await scene.word() == "call.timed-out")
        scene.become(timeout: .seconds(60))
        #expect(await scene.word(.test(timeout: .milliseconds(100))) == "call.timed-out")
        #expect(server.requests.count == 2)
    }

    @Test func anAnswerThatComesTooLateIsNotTheNextCallsAnswer() async throws {
        let gate = Gate()
        let server = try scene.serve { request in
            if request.target == "/slow" { gate.wait() }
            return .answer(200, body: Array(request.target.utf8))
        }
        #expect(await scene.word(.test("/slow", timeout: .milliseconds(100))) == "call.timed-out")
        gate.open()
        for _ in 0..<5 {
            let answer = try await scene.directory.call(.test("/quick"))
            #expect(answer.body.text == "/quick")
        }
        #expect(server.requests.count == 6)
    }

    @Test func aCancelledTaskEndsItsExchange() async throws {
        let server = try scene.serve { _ in .silence }
        let scene = scene
        await withTaskGroup(of: String.self) { group in
            group.addTask { await scene.word() }
            for await _ in server.arrivals { break }
            group.cancelAll()
            for await word in group { #expect(word == "call.timed-out") }
        }
    }
}

/// The line and the breaker, at work.
struct LineTests {
    private let scene: Scene

    init() throws { scene = try Scene() }

    @Test func noMoreGoAtOnceThanMayAndTheOthersWait() async throws {
        let gate = Gate()
        let server = try scene.serve { _ in
            gate.wait()
            return .answer(200)
        }
        scene.become(concurrency: 3)
        let scene = scene
        await withTaskGroup(of: String.self) { group in
            for number in 1...12 { group.addTask { await scene.word(.test("/\(number)")) } }
            #expect(await eventually { scene.directory.circuits[0].waiting == 9 })
            #expect(scene.directory.circuits[0].underWay == 3)
            #expect(await eventually { server.requests.count == 3 })
            gate.open()
            for await word in group { #expect(word == "200") }
        }
        #expect(server.connectionCount == 3)
        #expect(scene.directory.circuits == [
            CircuitSnapshot(service: "ledger", state: .closed(failures: 0), underWay: 0, waiting: 0)
        ])
    }

    @Test func whoWaitsTooLongLeavesTheLine() async throws {
        let gate = Gate()
        let server = try scene.serve { _ in
            gate.wait()
            return .answer(200)
        }
        scene.become(concurrency: 1)
        let scene = scene
        await withTaskGroup(of: String.self) { group in
            group.addTask { await scene.word(.test("/first")) }
            #expect(await eventually { server.requests.count == 1 })
            #expect(await scene.word(.test("/second", timeout: .milliseconds(50))) == "call.unavailable")
            #expect(scene.directory.circuits[0].waiting == 0)
            gate.open()
            for await word in group { #expect(word == "200") }
        }
        #expect(server.requests.map(\.target) == ["/first"])
    }

    @Test func theLineIsBounded() async throws {
        let gate = Gate()
        let server = try scene.serve { _ in
            gate.wait()
            return .answer(200)
        }
        scene.become(concurrency: 1)
        let scene = scene
        await withTaskGroup(of: String.self) { group in
            for _ in 0...Limits.callsWaiting { group.addTask { await scene.word() } }
            #expect(await eventually { scene.directory.circuits[0].waiting == Limits.callsWaiting })
            #expect(await scene.word() == "call.unavailable")
            gate.open()
            for await word in group { #expect(word == "200") }
        }
        #expect(server.requests.count == Limits.callsWaiting + 1)
    }

    @Test func anOpenCircuitAsksNobodyAndOneProbeClosesIt() async throws {
        scene.become(concurrency: 1, failures: 3, open: .seconds(5))
        scene.recorder.forget()
        for _ in 0..<3 { #expect(await scene.word() == "call.unavailable") }
        let server = try scene.serve { _ in .answer(200) }
        #expect(await scene.word() == "call.unavailable")
        #expect(server.requests.isEmpty)
        #expect(scene.directory.circuits[0].state == .open(until: scene.clock.now + .seconds(5)))
        scene.clock.pass(.seconds(5))
        #expect(await scene.word() == "200")
        #expect(scene.directory.circuits[0].state == .closed(failures: 0))
        #expect(scene.recorder.events == [
            "ledger: treasury call.unavailable", "ledger: treasury call.unavailable", "ledger: open",
            "ledger: treasury call.unavailable", "ledger: treasury refused: its circuit breaker is open",
            "ledger: half-open", "ledger: closed", "ledger: treasury 200",
        ])
    }

    @Test func aServiceThatSaysItCannotServeRestsToo() async throws {
        let server = try scene.serve { _ in .answer(503) }
        scene.become(failures: 2)
        for _ in 0..<2 { #expect(await scene.word() == "503") }
        #expect(await scene.word() == "call.unavailable")
        #expect(server.requests.count == 2)
    }

    /// Whoever has little time left takes no other's service away.
    @Test func onlyTheServicesOwnTimeoutSpeaksAgainstIt() async throws {
        let server = try scene.serve { _ in .silence }
        scene.become(timeout: .milliseconds(200), failures: 2)
        for _ in 0..<4 { #expect(await scene.word(.test(timeout: .milliseconds(30))) == "call.timed-out") }
        #expect(scene.directory.circuits[0].state == .closed(failures: 0))
        for _ in 0..<2 { #expect(await scene.word() == "call.timed-out") }
        #expect(scene.directory.circuits[0].state.name == .open)
        #expect(server.requests.count == 6)
    }

    @Test func aServiceKeepsItsCircuitUnlessItIsAnother() async throws {
        scene.become(failures: 1)
        _ = await scene.word()
        #expect(scene.directory.circuits[0].state.name == .open)
        scene.become(failures: 1)
        #expect(scene.directory.circuits[0].state.name == .open)
        scene.become(failures: 2)
        #expect(scene.directory.circuits[0].state.name == .closed)
        scene.directory.become([])
        #expect(scene.directory.circuits.isEmpty)
        #expect(scene.recorder.events.last == "ledger: gone")
    }
}
