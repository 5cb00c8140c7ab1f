import Events
import HTTP
import JSON
import Synchronization
import Testing

@testable import LocalAPI

@Suite struct AdminServerTests {
    /// Runs a server for as long as `body` takes; `body` gets its base URL.
    private func serving(
        isLive: Bool = true, problems: [String] = [], _ body: @Sendable (String, HTTPClient) async throws -> Void
    ) async throws {
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let server = try AdminServer(
            listen: "127.0.0.1:0", metrics: { "# TYPE up gauge\nup 1\n" }, isLive: { isLive },
            readiness: { Readiness(problems: problems) }, onListening: { continuation.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            try await body("http://127.0.0.1:\(port)", HTTPClient())
            group.cancelAll()
        }
    }

    @Test func metricsAreServedAsPrometheusText() async throws {
        try await serving { url, client in
            let answer = try await client.send(HTTPRequest(url: url + "/metrics"))
            #expect(answer.status == 200)
            #expect(answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(String(decoding: answer.body, as: UTF8.self) == "# TYPE up gauge\nup 1\n")
        }
    }

    @Test func headHasTheHeadersOfGetAndNoBody() async throws {
        try await serving { url, client in
            let answer = try await client.send(HTTPRequest(method: "HEAD", url: url + "/metrics"))
            #expect(answer.status == 200)
            #expect(answer.headers["Content-Length"] == "21")
            #expect(answer.body.isEmpty)
        }
    }

    @Test func aLiveAndReadySidecarSaysSo() async throws {
        try await serving { url, client in
            let live = try await client.send(HTTPRequest(url: url + "/healthz"))
            let ready = try await client.send(HTTPRequest(url: url + "/readyz"))
            #expect(live.status == 200 && ready.status == 200)
            #expect(String(decoding: ready.body, as: UTF8.self) == "ready\n")
        }
    }

    @Test func whatIsNotReadyIsSaidInWords() async throws {
        let problems = ["queue payments: no key set was fetched yet", "store: another sidecar holds it"]
        try await serving(isLive: false, problems: problems) { url, client in
            let live = try await client.send(HTTPRequest(url: url + "/healthz"))
            let ready = try await client.send(HTTPRequest(url: url + "/readyz"))
            #expect(live.status == 503 && ready.status == 503)
            let words = "not ready\n- queue payments: no key set was fetched yet\n- store: another sidecar holds it\n"
            #expect(String(decoding: ready.body, as: UTF8.self) == words)
        }
    }

    @Test(arguments: ["/", "/metrics/", "/v1/events", "/healthz/../metrics", "//metrics"])
    func anythingElseIsAProblem(path: String) async throws {
        try await serving { url, client in
            let answer = try await client.send(HTTPRequest(url: url + path))
            // libcurl resolves dot segments before it asks.
            guard path != "/healthz/../metrics" else { return #expect(answer.status == 200) }
            #expect(answer.status == 404)
            #expect(answer.headers["Content-Type"] == "application/problem+json")
            let problem = try JSONDocument(answer.body).root
            #expect(problem["status"]?.int == 404)
            #expect(problem["title"]?.string == "Not Found")
            #expect(problem["type"]?.string == "about:blank")
        }
    }

    @Test(arguments: ["POST", "PUT", "DELETE"]) func nothingCanBeChanged(method: String) async throws {
        try await serving { url, client in
            let answer = try await client.send(HTTPRequest(method: method, url: url + "/metrics"))
            #expect(answer.status == 405)
            #expect(answer.headers["Allow"] == "GET, HEAD")
        }
    }

    @Test func anAddressInUseIsNamed() async throws {
        try await serving { url, _ in
            let address = String(url.dropFirst("http://".count))
            let second = try AdminServer(
                listen: address, metrics: { "" }, isLive: { true }, readiness: { .ready })
            let failure = await #expect(throws: Failure.self) { try await second.run() }
            #expect(failure?.code == .settingsInvalid)
            #expect(failure?.cause.contains(address) == true)
        }
    }

    @Test(arguments: [
        ("127.0.0.1:9464", "127.0.0.1", 9464), ("[::1]:0", "::1", 0), ("0.0.0.0:80", "0.0.0.0", 80),
        ("localhost:65535", "localhost", 65535),
    ])
    func addressesAreRead(text: String, host: String, port: Int) throws {
        let address = try ListenAddress(text)
        #expect(address.host == host && address.port == port)
        #expect(address.description == text)
    }

    @Test(arguments: ["", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:9464", "[]:1"])
    func addressesWithoutHostOrPortAreRefused(text: String) {
        #expect(throws: Failure.self) { try ListenAddress(text) }
    }
}
