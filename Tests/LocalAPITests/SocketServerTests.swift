import Events
import Foundation
import HTTP
import JSON
import Support
import Synchronization
import Testing

@testable import LocalAPI

/// Requests over a real socket.
@Suite struct SocketServerTests {
    @Test func theIndexTellsPeopleWhoTheyAreAndWhatThereIs() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            let answer = try await bench.curl("http://localhost/")
            #expect(answer.status == 0)
            #expect(answer.output.hasPrefix("HTTP/1.1 200 OK"))
            #expect(answer.output.contains("You are own-user: uid \(geteuid())"))
            #expect(answer.output.contains("operate, read"))
            #expect(answer.output.contains("POST /v1/reload"))
        }
    }

    @Test func theStatusIsWhatTheSidecarSays() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            let answer = try await bench.ask("GET", "/v1/status")
            #expect(answer.status == 200)
            #expect(answer.headers["ETag"] == "\"\(ScriptedOperations.digest)\"")
            #expect(answer.headers["Content-Type"] == "application/json")
            #expect(answer.json["generation"]?["number"]?.int == 3)
            #expect(answer.json["ready"]?.bool == false)
            #expect(answer.json["queues"]?[0]?["paused"]?["code"]?.string == "receive.denied")
            #expect(answer.json["lastReload"]?["failure"]?["code"]?.string == "plugin.pin")
            #expect(answer.json["since"]?.string == "2027-01-15T05:13:20.000Z")
            let handlers = try await bench.ask("GET", "/v1/handlers")
            #expect(handlers.json["handlers"]?[0]?["routes"]?[0]?["detailType"]?.string == "Order.*.v1")
        }
    }

    @Test func headHasTheHeadersOfGetAndNoBody() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            let get = try await bench.ask("GET", "/v1/config")
            let head = try await bench.ask("HEAD", "/v1/config")
            #expect(head.status == 200 && head.body.isEmpty)
            #expect(head.headers["Content-Length"] == "\(get.body.count)")
            #expect(head.headers["ETag"] == get.headers["ETag"])
        }
    }

    @Test func theConfigurationIsNotSentTwice() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            let tag = try #require(try await bench.ask("GET", "/v1/config").headers["ETag"])
            let again = try await bench.ask("GET", "/v1/config", headers: [HTTPHeader("If-None-Match", tag)])
            #expect(again.status == 304 && again.body.isEmpty)
        }
    }

    @Test(arguments: ["/v1", "/v1/nothing", "/v1/status/", "/v1/status/x", "/metrics", "/healthz", "//"])
    func unknownPathsAreProblems(path: String) async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            let answer = try await bench.ask("GET", path)
            // One slash at the end says nothing.
            guard path != "/v1/status/" && path != "//" else { return }
            #expect(answer.status == 404)
            #expect(answer.headers["Content-Type"] == "application/problem+json")
            #expect(answer.code == "api.not-found")
            #expect(answer.json["remedy"]?.string == FailureCode.apiNotFound.entry.remedy)
        }
    }

    @Test func anotherMethodIsToldWhichOnesThereAre() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            for (path, allow) in [("/v1/status", "GET, HEAD"), ("/v1/reload", "POST"), ("/", "GET, HEAD")] {
                for method in ["DELETE", "PUT", "PATCH", "OPTIONS"] {
                    let answer = try await bench.ask(method, path)
                    #expect(answer.status == 405)
                    #expect(answer.headers["Allow"] == allow)
                    #expect(answer.code == "api.unsupported")
                }
            }
            #expect(try await bench.ask("GET", "/v1/reload").status == 405)
        }
    }

    @Test func aFailureFromBelowHasItsStatusAndRetryAfter() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            let answer = try await bench.ask("GET", "/fails")
            #expect(answer.status == 503)
            #expect(answer.headers["Retry-After"] == "1")
            #expect(answer.code == "store.unavailable")
            #expect(answer.json["detail"]?.string == "no writes")
            #expect(bench.answers.all.last?.code == .storeUnavailable)
        }
    }

    // MARK: - reload

    @Test func aReloadSaysWhatChanged() async throws {
        let bench = SocketBench()
        let change = ReloadReport.Change(number: 4, started: ["billing"], kept: ["stock"], gone: [])
        bench.operations.next.withLock { $0 = .switched(change, digest: "d4", needsRestart: ["store.path"]) }
        try await bench.serving { _ in
            let tag = HTTPHeader("If-Match", "\"\(ScriptedOperations.digest)\"")
            let answer = try await bench.ask("POST", "/v1/reload", headers: [tag])
            #expect(answer.status == 200)
            #expect(answer.headers["ETag"] == "\"d4\"")
            #expect(answer.json["result"]?.string == "switched")
            #expect(answer.json["started"]?[0]?.string == "billing")
            #expect(answer.json["needsRestart"]?[0]?.string == "store.path")
        }
    }

    @Test func aReloadOfAnotherGenerationIsNotDone() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            let other = HTTPHeader("If-Match", "\"" + String(repeating: "f", count: 64) + "\"")
            let answer = try await bench.ask("POST", "/v1/reload", headers: [other])
            #expect(answer.status == 412)
            #expect(answer.code == "settings.not-current")
            let any = try await bench.ask("POST", "/v1/reload", headers: [HTTPHeader("If-Match", "*")])
            #expect(any.status == 200)
            #expect(any.json["result"]?.string == "unchanged")
            let nonsense = try await bench.ask("POST", "/v1/reload", headers: [HTTPHeader("If-Match", "W/\"1\"")])
            #expect(nonsense.status == 400 && nonsense.code == "api.malformed")
        }
    }

    @Test func aRefusedConfigurationIsToldWhole() async throws {
        let bench = SocketBench()
        let problems = (1...3).map {
            ReloadReport.Problem(place: "o.yaml:\($0):1", path: "queues[\($0)]", why: "It is wrong.", fix: "Mend it.")
        }
        bench.operations.next.withLock { $0 = .refused(Failure(.settingsInvalid, "o.yaml", "3 errors"), problems) }
        try await bench.serving { _ in
            let answer = try await bench.ask("POST", "/v1/reload")
            #expect(answer.status == 422)
            #expect(answer.code == "settings.invalid")
            #expect(answer.json["problems"]?.array?.count == 3)
            #expect(answer.json["problems"]?[2]?["place"]?.string == "o.yaml:3:1")
        }
    }

    // MARK: - bodies

    @Test func aBodyUpToTheLimitIsTakenWhole() async throws {
        let bench = SocketBench()
        let body = Bytes((0..<65_536).map { UInt8(truncatingIfNeeded: $0) })
        try await bench.serving { _ in
            let answer = try await bench.ask("POST", "/echo", body: body)
            #expect(answer.status == 200)
            #expect(answer.body[...] == body)
        }
    }

    @Test func aBodyThatAnnouncesTooMuchIsRefusedUnread() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            let socket = try RawSocket(bench.socket)
            socket.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
            let answer = await socket.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 413"))
            #expect(answer.contains("api.too-large"))
            #expect(answer.contains("Connection: close") || answer.contains("connection: close"))
        }
    }

    @Test func aBodyThatGrowsTooLargeIsCutOff() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            let answer = try await shell(
                "head -c 20000000 /dev/zero | curl -sS -i --unix-socket \(bench.socket) -X POST -T - http://x/echo")
            #expect(answer.output.contains("HTTP/1.1 413"))
        }
    }

    @Test func aBodyThatNobodyWantsEndsItsConnection() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            let socket = try RawSocket(bench.socket)
            socket.send("POST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
            let answer = await socket.receive(until: "remedy")
            #expect(answer.hasPrefix("HTTP/1.1 404"))
            #expect(answer.lowercased().contains("connection: close"))
        }
    }

    @Test func whoAsksBeforeSendingIsAnsweredBeforeSending() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            let fits = try RawSocket(bench.socket)
            fits.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            #expect(await fits.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 100"))
            fits.send("ok")
            #expect(await fits.receive(until: "\r\n\r\nok").hasPrefix("HTTP/1.1 200"))
            let large = try RawSocket(bench.socket)
            large.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
            #expect(await large.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 413"))
        }
    }

    @Test func aBodyThatIsHalfSentIsGivenUp() async throws {
        let bench = SocketBench(bodyTime: .milliseconds(200))
        try await bench.serving { _ in
            let socket = try RawSocket(bench.socket)
            socket.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
            let answer = await socket.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 408"))
            #expect(answer.contains("api.malformed"))
        }
    }

    @Test func aCallerThatHangsUpInItsBodyLeavesNothingBehind() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            for _ in 0..<300 {
                let socket = try RawSocket(bench.socket)
                socket.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
            }
            // More than one peer may have open at once: those that hung up count no longer.
            let isOpen = try await eventually { try await bench.ask("GET", "/").status == 200 }
            #expect(isOpen)
        }
    }

    // MARK: - what is no request

    @Test(arguments: [
        "nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\u{0} HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ])
    func whatIsNoRequestEndsItsConnectionAlone(text: String) async throws {
        let bench = SocketBench(timing: .init(idle: .milliseconds(500), linger: .milliseconds(200)))
        try await bench.serving { _ in
            let socket = try RawSocket(bench.socket)
            socket.send(text)
            let answer = await socket.receiveAll()
            #expect(!answer.contains("HTTP/1.1 200"))
            #expect(try await bench.ask("GET", "/").status == 200)
        }
    }

    @Test func headersHaveABound() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            for headers in [
                "X: " + String(repeating: "x", count: Limits.apiHeaderBytes + 1) + "\r\n",
                String(repeating: "X: y\r\n", count: Limits.apiHeaders + 1),
            ] {
                let socket = try RawSocket(bench.socket)
                socket.send("GET / HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n")
                #expect(await socket.receiveAll().hasPrefix("HTTP/1.1 400"))
            }
            #expect(try await bench.ask("GET", "/").status == 200)
        }
    }

    @Test func aConnectionThatSaysNothingIsClosed() async throws {
        let bench = SocketBench(timing: .init(idle: .milliseconds(200), linger: .milliseconds(200)))
        try await bench.serving { _ in
            let silent = try RawSocket(bench.socket)
            #expect(await silent.receiveAll() == "")
            let halfway = try RawSocket(bench.socket)
            halfway.send("GET / HTTP/1.1\r\nHo")
            #expect(await halfway.receiveAll() == "")
        }
    }

    // MARK: - stop

    @Test func aStopAnswersWhatItWasAskedAndTakesNothingMore() async throws {
        let bench = SocketBench()
        try await bench.serving { server in
            let idle = try RawSocket(bench.socket)
            let busy = try RawSocket(bench.socket)
            busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = await idle.receive(until: "describes them.\n")
            await bench.gate.someoneWaits()
            server.stop()
            #expect(await idle.receiveAll() == "", "an idle connection ends")
            #expect(!FileManager.default.fileExists(atPath: bench.socket))
            bench.gate.open()
            #expect(await busy.receiveAll().hasSuffix("done"))
        }
    }
}
