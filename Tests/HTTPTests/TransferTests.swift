import CCurl
import Events
import Glibc
import Support
import Synchronization
import Testing

@testable import HTTP

/// Many requests at once, by many threads, which take turns with the client's own.
@Suite struct TransferTests {
    @Test func hundredsOfThreadsAndSizesAtOnceGetTheirOwnAnswers() async throws {
        let server = try TestServer { request in .answer(200, body: request.body) }
        let client = HTTPClient(connections: 16)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<600 {
                group.addTask {
                    // From nothing to more than libcurl reads or a socket takes at once.
                    let size = number % 7 == 0 ? number * 400 : number
                    let body = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size)
                    var request = HTTPRequest(method: "POST", url: server.url, body: body[...])
                    request.usualAnswerBytes = [0, 1_024, 16_384, 65_536, 1 << 20][number % 5]
                    return try await client.send(request).body == body
                }
            }
            for try await isSame in group { #expect(isSame) }
        }
        #expect(server.connectionCount <= 16)
    }

    /// While it waits for a connection, is on its way, or is answered already.
    @Test func aRequestMayBeCancelledAtAnyPoint() async throws {
        let server = try TestServer { request in .answer(200, body: request.body) }
        let client = HTTPClient(connections: 4)
        let request = HTTPRequest(method: "POST", url: server.url, body: Bytes("x"))
        let ends = await withTaskGroup(of: HTTPFailure.Kind?.self) { group in
            for number in 0..<400 {
                group.addTask {
                    let task = Task { await failure(of: request, client) }
                    for _ in 0..<number % 40 { await Task.yield() }
                    task.cancel()
                    return await task.value
                }
            }
            return await group.reduce(into: [HTTPFailure.Kind?]()) { $0.append($1) }
        }
        #expect(ends.count == 400)
        #expect(ends.allSatisfy { $0 == nil || $0 == .cancelled })
        for _ in 0..<8 { #expect(await failure(of: request, client) == nil) }
    }

    /// The thread sleeps for the long one when the short one comes.
    @Test func anEarlierTimeoutWakesTheThreadThatSleepsForALaterOne() async throws {
        let server = try TestServer { _ in .silence }
        let client = HTTPClient()
        await withTaskGroup(of: HTTPFailure.Kind?.self) { group in
            let long = HTTPRequest(url: server.url, timeout: .seconds(600), connectTimeout: .seconds(600))
            group.addTask { await failure(of: long, client) }
            for await _ in server.arrivals { break }
            let short = HTTPRequest(url: server.url, timeout: .milliseconds(50))
            #expect(await failure(of: short, client) == .timedOut)
            group.cancelAll()
            #expect(await group.next() == .cancelled)
        }
    }

    /// Names are looked up by libcurl's own threads and pipes, whose numbers come in between.
    @Test(arguments: ["127.0.0.1", "localhost"])
    func numbersOfSocketsAreUsedAgainByOthers(host: String) async throws {
        let once = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        let hasty = try TestServer { _ in .raw(Array(once.utf8)) }
        let patient = try TestServer { request in .answer(200, body: request.body) }
        let client = HTTPClient(connections: 3)
        for round in 0..<100 {
            let url = (round % 3 == 0 ? patient : hasty).url.replacing("127.0.0.1", with: host)
            async let first = client.send(HTTPRequest(method: "POST", url: url, body: Bytes("ok")))
            async let second = client.send(HTTPRequest(method: "POST", url: hasty.url, body: Bytes("ok")))
            #expect(try await first.body == Array("ok".utf8))
            #expect(try await second.body == Array("ok".utf8))
        }
        #expect(patient.connectionCount < 34)
    }

    /// It is nobody's business then, and must not keep the thread busy.
    @Test func aConnectionThatIsClosedWhileItIsIdleLeavesTheSet() async throws {
        let wakeup = eventfd(0, Int32(EFD_CLOEXEC))
        defer { close(wakeup) }
        let sockets = SocketSet(wakeup: wakeup)
        var address = curl_sockaddr()
        address.family = AF_UNIX
        address.socktype = Int32(SOCK_STREAM.rawValue)
        let one = sockets.open(address)
        #expect(one >= 0)
        sockets.want(one, CURL_POLL_IN)
        sockets.want(one, CURL_POLL_REMOVE)
        var events = [epoll_event](repeating: epoll_event(), count: 4)
        // A socket that was never connected is hung up.
        #expect(epoll_wait(sockets.epoll, &events, 4, 0) == 1)
        #expect(events[0].data.fd == one)
        #expect(sockets.action(on: one, events[0].events) == nil)
        #expect(epoll_wait(sockets.epoll, &events, 4, 0) == 0)
        sockets.want(one, CURL_POLL_IN)
        #expect(epoll_wait(sockets.epoll, &events, 4, 0) == 1)
        #expect(sockets.action(on: one, events[0].events) == CURL_CSELECT_IN | CURL_CSELECT_OUT)
        #expect(sockets.close(one) == 0)
        // The same number, and nothing is known of it.
        let other = sockets.open(address)
        sockets.want(other, CURL_POLL_OUT)
        #expect(epoll_wait(sockets.epoll, &events, 4, 0) == 1)
        #expect(sockets.close(other) == 0)
    }

    @Test func whatTakesABodyMayCancelItsOwnRequest() async throws {
        let server = try TestServer { _ in .flood(1 << 24, isAnnounced: false) }
        let client = HTTPClient()
        let own = Mutex<Task<HTTPFailure.Kind?, Never>?>(nil)
        var request = HTTPRequest(url: server.url, maximumBodyBytes: 1 << 25)
        request.onBody = { _ in
            own.withLock { $0?.cancel() }
            return true
        }
        let asked = request
        let task = Task { await failure(of: asked, client) }
        own.withLock { $0 = task }
        #expect([nil, .cancelled].contains(await task.value))
        let other = try TestServer { _ in .answer(200) }
        #expect(await failure(of: HTTPRequest(url: other.url), client) == nil)
    }

    @Test func requestsThatMeetTheShutdownEnd() async throws {
        let server = try TestServer { _ in .answer(200) }
        for _ in 0..<20 {
            let client = HTTPClient(connections: 2)
            let request = HTTPRequest(url: server.url)
            await withTaskGroup(of: HTTPFailure.Kind?.self) { group in
                for number in 0..<40 {
                    if number == 20 { client.shutdown() }
                    group.addTask { await failure(of: request, client) }
                }
                for await end in group { #expect(end == nil || end == .cancelled) }
            }
            #expect(await failure(of: request, client) == .cancelled)
        }
    }

    /// And with it what it had: transfers, connections, the set.
    @Test(arguments: [true, false])
    func theThreadEndsWithItsClient(isShutDown: Bool) async throws {
        let server = try TestServer { _ in .answer(200) }
        let loop = Weak()
        try await {
            let client = HTTPClient()
            loop.value = client.loop
            _ = try await client.send(HTTPRequest(url: server.url))
            if isShutDown { client.shutdown() }
        }()
        #expect(await eventually { loop.value == nil })
    }

    private final class Weak: @unchecked Sendable {
        weak var value: TransferLoop?
    }
}

private func failure(of request: HTTPRequest, _ client: HTTPClient) async -> HTTPFailure.Kind? {
    do throws(HTTPFailure) {
        _ = try await client.send(request)
        return nil
    } catch {
        return error.kind
    }
}
