import Cryptography
import Events
import Foundation
import HTTP
import JSON
import Pipeline
import Support
import Testing

@testable import Signatures

/// A service that signs is believed as little as anybody.
@Suite("Signing by a service")
struct SigningServiceTests {
    private static func publications(_ count: Int) -> [Publication] {
        (0..<count).map { number in
            Publication(
                row: Int64(number), id: "evt-\(number)",
                draft: Draft(
                    source: Publisher.source, detailType: Publisher.detailType, resource: Publisher.resource,
                    correlationID: "c", detail: Bytes(#"{"n":\#(number)}"#)),
                parent: "", trace: Event.Trace(correlationID: "c"), committedAt: Publisher.now, attempts: 0)
        }
    }

    private func sign(
        _ count: Int = 1, timeout: Duration = .seconds(20), handler: @escaping TestServer.Handler
    ) async throws -> [Result<SignedPublication, Failure>] {
        let folder = try TemporaryFolder()
        let socket = folder.file("s.sock")
        let server = try TestServer(unixSocket: socket, handler: handler)
        let client = HTTPClient(connections: 2)
        defer { client.shutdown() }
        let gate = try await Gate()
        let signer = try ServiceSigner(
            url: "unix:\(socket):/sign", pins: [], timeout: timeout, client: client, verifier: gate.verifier)
        let results = await signer.sign(Self.publications(count), at: Publisher.now)
        withExtendedLifetime(server) {}
        return results
    }

    private static func answer(_ request: TestServer.Request, key: PrivateKey? = nil) throws -> TestServer.Reply {
        let (status, body) = SigningEndpoint.answer(
            request.body[...], with: try key ?? Publisher.key.get(), form: .dilithium2(.mldsa44), at: Publisher.now)
        return .answer(status, body: Array(body))
    }

    @Test("A batch is one exchange, and each token is of its event")
    func signs() async throws {
        let folder = try TemporaryFolder()
        let server = try TestServer(unixSocket: folder.file("s.sock")) { request in
            (try? Self.answer(request)) ?? .silence
        }
        let client = HTTPClient(connections: 2)
        defer { client.shutdown() }
        let gate = try await Gate(Gate.options { $0.requireBinding = true })
        let signer = try ServiceSigner(
            url: "unix:\(folder.file("s.sock")):/sign", pins: [], timeout: .seconds(20), client: client,
            verifier: gate.verifier)
        let results = await signer.sign(Self.publications(3), at: Publisher.now)
        #expect(server.requests.count == 1)
        #expect(server.requests.first?.method == "POST" && server.requests.first?.target == "/sign")
        #expect(results.count == 3)
        for (number, result) in results.enumerated() {
            let signed = try result.get()
            #expect(signed.publication.id == "evt-\(number)")
            let event = try await gate.verify(Publisher.envelope(SigningTests.body(signed.detail))).get()
            #expect(event.id.text == "evt-\(number)" && event.detail.text == #"{"n":\#(number)}"#)
        }
        #expect(await signer.sign([], at: Publisher.now).isEmpty)
    }

    @Test("A token by another key, of another event, or of other bytes is not sent", arguments: 0..<5)
    func refusesWhatItCannotVerify(flaw: Int) async throws {
        let results = try await sign { request in
            let text = String(decoding: request.body, as: UTF8.self)
            var request = request
            switch flaw {
            case 0: return (try? Self.answer(request, key: Publisher.other.get())) ?? .silence
            case 1: request = request.with(text.replacing("evt-0", with: "evt-9"))
            case 2: request = request.with(text.replacing(#"{"n":0}"#, with: #"{"n":1}"#))
            case 3: request = request.with(text.replacing(Publisher.source, with: "qsl.other"))
            default: request = request.with(text.replacing(#""jti":"evt-0","#, with: ""))
            }
            return (try? Self.answer(request)) ?? .silence
        }
        let failure = try #require(throws: Failure.self) { try results[0].get() }
        #expect(failure.code == .publishSigning && failure.subject == "evt-0")
    }

    @Test(
        "Whatever else it answers is no signature",
        arguments: [
            (500, "{}"), (404, "nothing"), (200, "nothing"), (200, "{}"), (200, #"{"signatures":[]}"#),
            (200, #"{"signatures":[{"error":"no"}]}"#), (200, #"{"signatures":["a.b.c"]}"#),
            (200, #"{"signatures":[{"sig_compact":"a.b.c"}]}"#), (302, ""),
        ])
    func refusesOtherAnswers(status: Int, body: String) async throws {
        let results = try await sign { _ in .json(body, status: status) }
        #expect(try #require(throws: Failure.self) { try results[0].get() }.code == .publishSigning)
    }

    @Test("One that is refused leaves the others signed")
    func onePerEvent() async throws {
        let results = try await sign(3) { request in
            let text = String(decoding: request.body, as: UTF8.self)
            return (try? Self.answer(request.with(text.replacing(#"{"n":1}"#, with: "7e999")))) ?? .silence
        }
        // A number that no double holds refuses the whole request; the service answers 400.
        #expect(results.allSatisfy { (try? $0.get()) == nil })
        let partial = try await sign(3) { request in
            guard let reply = try? Self.answer(request), case .answer(_, _, let bytes) = reply,
                var value = try? JSONValue.parse(bytes), var list = value["signatures"]?.array
            else { return .silence }
            list[1] = ["error": "not today"]
            value["signatures"] = .array(list)
            return .answer(200, body: value.serialised())
        }
        #expect(partial.map { (try? $0.get()) != nil } == [true, false, true])
    }

    @Test("A service that says nothing is given up in time")
    func timesOut() async throws {
        let results = try await sign(2, timeout: .milliseconds(200)) { _ in .silence }
        for result in results {
            #expect(try #require(throws: Failure.self) { try result.get() }.code == .publishSigning)
        }
    }

    @Test("Its address is safe from others, or refused", arguments: ["http://example.com/sign", "ftp://x", "", "/sign"])
    func refusesAddresses(url: String) async throws {
        let client = HTTPClient(connections: 1)
        defer { client.shutdown() }
        let gate = try await Gate()
        let failure = try #require(throws: Failure.self) {
            try ServiceSigner(url: url, pins: [], timeout: .seconds(1), client: client, verifier: gate.verifier)
        }
        #expect(failure.code == .settingsInvalid && failure.subject == "signing.service.url")
    }

    @Test("What the bus will count is known before it is signed", arguments: [0, 1, 2, 700])
    func size(filler: Int) async throws {
        let key = try Publisher.key.get()
        for form in [TokenForm.mldsa44, .dilithium2(.mldsa44)] {
            let detail = #"{"a":"\#(String(repeating: "x", count: filler))"}"#
            let publication = SigningTests.publication(detail: detail)
            let signed = try await EventSigner(key, form: form).sign(publication, at: publication.committedAt)
            #expect(
                EventSigner.detailBytes(of: publication, keyID: key.keyID, form: form) == signed.detail.count)
        }
    }
}

extension TestServer.Request {
    fileprivate func with(_ text: String) -> TestServer.Request {
        var request = self
        request.body = Array(text.utf8)
        return request
    }
}
