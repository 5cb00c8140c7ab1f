import Events
import HTTP
import Support
import Synchronization
import Testing

/// Against a real server on loopback.
@Suite struct HTTPClientTests {
    let client = HTTPClient()

    @Test func sendsMethodTargetHeadersAndBodyAndGivesTheAnswer() async throws {
        let server = try TestServer { _ in
            .answer(201, headers: ["X-Amzn-RequestId": "r-1"], body: Array("made".utf8))
        }
        let response = try await client.send(
            HTTPRequest(
                method: "PUT", url: server.url + "/a/b?c=d",
                headers: [HTTPHeader("X-One", "1"), HTTPHeader("X-Empty", "")], body: Bytes("hello")))
        #expect(response.status == 201)
        #expect(response.body == Array("made".utf8))
        #expect(response.headers["x-amzn-requestid"] == "r-1")
        #expect(response.headers["X-AMZN-REQUESTID"] == "r-1")
        #expect(response.headers["absent"] == nil)
        let request = try #require(server.requests.first)
        #expect(request.method == "PUT")
        #expect(request.target == "/a/b?c=d")
        #expect(request.headers["x-one"] == "1")
        #expect(request.headers["x-empty"] == "")
        #expect(request.body == Array("hello".utf8))
        #expect(request.headers["content-type"] == nil)
        #expect(request.headers["accept-encoding"] == nil)
    }

    @Test(arguments: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    func nothingOfARequestIsLeftOverInTheNext(method: String) async throws {
        let server = try TestServer { _ in .answer(200, body: [1, 2, 3]) }
        _ = try await client.send(
            HTTPRequest(method: "POST", url: server.url, headers: [HTTPHeader("X-Secret", "s")], body: Bytes("before")))
        let response = try await client.send(HTTPRequest(method: method, url: server.url))
        #expect(response.body == (method == "HEAD" ? [] : [1, 2, 3]))
        let last = try #require(server.requests.last)
        #expect(last.method == method)
        #expect(last.body == [])
        #expect(last.headers["x-secret"] == nil)
    }

    @Test func connectionsAreKeptAndUsedAgain() async throws {
        let server = try TestServer { _ in .answer(200) }
        for _ in 0..<20 { _ = try await client.send(HTTPRequest(method: "POST", url: server.url, body: Bytes("x"))) }
        #expect(server.connectionCount == 1)
    }

    @Test func aConnectionThatTheServerClosedMeanwhileIsReplaced() async throws {
        let server = try TestServer { _ in .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)) }
        for _ in 0..<5 {
            let response = try await client.send(HTTPRequest(method: "POST", url: server.url, body: Bytes("x")))
            #expect(response.body == Array("ok".utf8))
        }
        #expect(server.requests.count == 5)
    }

    /// Each second request on a connection reaches a server that is about to close it.
    @Test func howOftenAConnectionWasLostBeforeDoesNotMatter() async throws {
        let known = Mutex<Set<Int>>([])
        let server = try TestServer { request in
            known.withLock { $0.insert(request.connection).inserted } ? .answer(200, body: request.body) : .raw([])
        }
        for number in 0..<40 {
            let request = HTTPRequest(method: "POST", url: server.url, body: Bytes("\(number)"))
            #expect(try await client.send(request).body == Array("\(number)".utf8))
        }
        #expect(server.requests.count > 60)
        #expect(server.connectionCount == 40)
    }

    @Test func aHundredAtOnceShareAFewConnections() async throws {
        let server = try TestServer { request in .answer(200, body: request.body) }
        let narrow = HTTPClient(connections: 4)
        let answers = try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
            for number in 0..<100 {
                group.addTask {
                    let request = HTTPRequest(method: "POST", url: server.url, body: Bytes("body \(number)"))
                    return (number, try await narrow.send(request).body)
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = String(decoding: $1.1, as: UTF8.self) }
        }
        #expect(answers == Dictionary(uniqueKeysWithValues: (0..<100).map { ($0, "body \($0)") }))
        #expect(server.connectionCount <= 4)
    }

    @Test func unixSocketsAreServedWithoutAnyProxy() async throws {
        let folder = try TemporaryFolder()
        let server = try TestServer(unixSocket: folder.file("s")) { .answer(200, body: Array($0.target.utf8)) }
        let request = HTTPRequest(url: "http://service/v1/x", unixSocket: folder.file("s"))
        for _ in 0..<3 { #expect(try await client.send(request).body == Array("/v1/x".utf8)) }
        #expect(server.connectionCount == 1)
        #expect(server.requests.first?.headers["host"] == "service")
    }

    @Test func bodiesOfAMegabyteGoBothWays() async throws {
        let server = try TestServer { request in .answer(200, body: request.body) }
        let body = (0..<1_048_576).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let response = try await client.send(HTTPRequest(method: "POST", url: server.url, body: body[...]))
        #expect(response.body == body)
    }

    @Test func redirectsAreAnswersAndNotFollowed() async throws {
        let server = try TestServer { _ in .answer(302, headers: ["Location": "/elsewhere"]) }
        #expect(try await client.send(HTTPRequest(url: server.url)).status == 302)
        #expect(server.requests.count == 1)
    }

    @Test func compressedAnswersAreLeftCompressed() async throws {
        let server = try TestServer { _ in .answer(200, headers: ["Content-Encoding": "gzip"], body: [0x1F, 0x8B, 8]) }
        #expect(try await client.send(HTTPRequest(url: server.url)).body == [0x1F, 0x8B, 8])
    }

    @Test func continueAnswersAreSkipped() async throws {
        let text = "HTTP/1.1 100 Continue\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n"
        let server = try TestServer { _ in .raw(Array(text.utf8)) }
        let response = try await client.send(HTTPRequest(url: server.url))
        #expect(response.status == 200)
        #expect(response.headers["X-A"] == nil)
        #expect(response.headers["X-B"] == "2")
    }
}

/// What goes wrong, and under which name.
@Suite struct HTTPFailureTests {
    let client = HTTPClient()

    func failure(of request: HTTPRequest) async -> HTTPFailure.Kind? {
        do throws(HTTPFailure) {
            _ = try await client.send(request)
            return nil
        } catch {
            return error.kind
        }
    }

    @Test func nobodyListensIsUnreachable() async throws {
        let folder = try TemporaryFolder()
        #expect(await failure(of: HTTPRequest(url: "http://127.0.0.1:1/")) == .unreachable)
        #expect(await failure(of: HTTPRequest(url: "http://x/", unixSocket: folder.file("none"))) == .unreachable)
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "HTTP/1.1 200 OK\r\nContent-Le"])
    func aServerThatHangsUpBeforeTheEndIsUnreachable(said: String) async throws {
        let server = try TestServer { _ in .raw(Array(said.utf8)) }
        #expect(await failure(of: HTTPRequest(url: server.url)) == .unreachable)
    }

    @Test func silenceTimesOut() async throws {
        let server = try TestServer { _ in .silence }
        #expect(await failure(of: HTTPRequest(url: server.url, timeout: .milliseconds(50))) == .timedOut)
    }

    @Test func anAnnouncedBodyThatIsTooLargeIsRefusedUnread() async throws {
        let server = try TestServer { _ in
            .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n".utf8))
        }
        #expect(await failure(of: HTTPRequest(url: server.url, maximumBodyBytes: 1000)) == .tooLarge)
    }

    @Test func anUnannouncedBodyIsCutOffAtTheLimit() async throws {
        let chunk = "3e8\r\n" + String(repeating: "x", count: 1000) + "\r\n"
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\n"
        let server = try TestServer { _ in .raw(Array(text.utf8)) }
        #expect(await failure(of: HTTPRequest(url: server.url, maximumBodyBytes: 999)) == .tooLarge)
        #expect(await failure(of: HTTPRequest(url: server.url, maximumBodyBytes: 1000)) == nil)
    }

    @Test func headersWithoutEndAreRefused() async throws {
        let line = "X-Padding: " + String(repeating: "x", count: 1000) + "\r\n"
        let server = try TestServer { _ in
            .raw(Array(("HTTP/1.1 200 OK\r\n" + String(repeating: line, count: 70) + "\r\n").utf8))
        }
        #expect(await failure(of: HTTPRequest(url: server.url)) == .protocolError)
    }

    @Test func whatIsNotHTTPIsAProtocolError() async throws {
        let server = try TestServer { _ in .raw(Array("SSH-2.0-OpenSSH_9.2\r\n".utf8)) }
        #expect(await failure(of: HTTPRequest(url: server.url)) == .protocolError)
    }

    @Test(arguments: ["ftp://127.0.0.1/x", "file:///etc/passwd", "not a url", "", "http://127.0.0.1/\0"])
    func onlyWellFormedHTTPAddressesAreTaken(url: String) async {
        #expect(await failure(of: HTTPRequest(url: url)) == .protocolError)
    }

    @Test(arguments: [
        HTTPHeader("X-A", "1\r\nX-B: 2"), HTTPHeader("X A", "1"), HTTPHeader("", "1"), HTTPHeader("X:A", "1"),
        HTTPHeader("X-A", "\0"),
    ])
    func headersCannotSmuggleLines(header: HTTPHeader) async throws {
        let server = try TestServer { _ in .answer(200) }
        #expect(await failure(of: HTTPRequest(url: server.url, headers: [header])) == .protocolError)
        #expect(server.requests.isEmpty)
    }

    @Test func cancellingTheTaskEndsTheTransferAndHangsUp() async throws {
        let server = try TestServer { _ in .silence }
        let request = HTTPRequest(url: server.url)
        await withTaskGroup(of: HTTPFailure.Kind?.self) { group in
            group.addTask { await failure(of: request) }
            for await _ in server.arrivals { break }
            group.cancelAll()
            #expect(await group.next() == .cancelled)
        }
    }

    @Test func aCancelledTaskSendsNothing() async throws {
        let server = try TestServer { _ in .answer(200) }
        let request = HTTPRequest(url: server.url)
        await withTaskGroup(of: HTTPFailure.Kind?.self) { group in
            group.cancelAll()
            group.addTask { await failure(of: request) }
            #expect(await group.next() == .cancelled)
        }
        #expect(server.requests.isEmpty)
    }

    @Test func shutdownEndsWhatRunsAndRefusesWhatComes() async throws {
        let server = try TestServer { _ in .silence }
        let request = HTTPRequest(url: server.url)
        await withTaskGroup(of: HTTPFailure.Kind?.self) { group in
            group.addTask { await failure(of: request) }
            for await _ in server.arrivals { break }
            client.shutdown()
            #expect(await group.next() == .cancelled)
        }
        #expect(await failure(of: request) == .cancelled)
    }
}
