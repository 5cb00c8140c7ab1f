import Cryptography
import Events
import HTTP
import JSON
import Support
import Synchronization
import Testing

@testable import Signatures

@Suite("Key set source")
struct KeySetSourceTests {
    static func both(_ form: KeyTool.Form = .pqk) throws -> [UInt8] {
        KeyTool.publicDocument([try Publisher.key.get(), try Publisher.other.get()], as: form)
    }
    static func onlyOther() throws -> [UInt8] { KeyTool.publicDocument([try Publisher.other.get()], as: .pqk) }
    static let unreachable = Failure(.keysUnreachable, "treasury", "refused")

    @Test("Without a document nothing is judged")
    func neverFetched() async throws {
        let clock = SetClock()
        let document = HeldDocument([])
        document.fail(Self.unreachable)
        let keySet = try KeySetSource(Gate.options(), fetcher: document, clock: clock, observer: Notes(), seed: 1)
        let verifier = EventVerifier(keySets: [keySet], options: VerifyOptions(), clock: clock)
        await keySet.refreshIfDue()
        let envelope = try Publisher().envelope()
        let result = await verifier.verify([envelope])[0]
        #expect(throws: Failure(.verifyKeysUnavailable, "treasury", "no document, or one that is too old")) {
            try result.get()
        }
        #expect(!keySet.status.isUsable)
        #expect(keySet.status.failure == Self.unreachable)
        document.set(try Gate.document())
        clock.advance(.minutes(1))
        await keySet.refreshIfDue()
        #expect(throws: Never.self) { try keySet.status.isUsable ? () : { throw Self.unreachable }() }
        let second = await verifier.verify([envelope])[0]
        #expect(throws: Never.self) { try second.get() }
    }

    @Test(
        "The last good document stays in use, up to its age",
        arguments: [
            Result<[UInt8], Failure>.failure(unreachable), .success([]), .success(Array("{\"keys\":[]}".utf8)),
            .success(Array("<html>".utf8)),
        ])
    func keepsTheLastGoodOne(next: Result<[UInt8], Failure>) async throws {
        let gate = try await Gate(Gate.options { $0.maximumAge = .hours(1) })
        switch next {
        case .success(let document): gate.document.set(document)
        case .failure(let failure): gate.document.fail(failure)
        }
        let envelope = try Publisher().envelope()
        gate.clock.advance(.minutes(59))
        await gate.keySet.refreshIfDue()
        #expect(gate.notes.failures.count == 1)
        #expect(gate.keySet.status.failure != nil)
        #expect(await gate.code(envelope) == nil)
        gate.clock.advance(.minutes(2))
        await gate.keySet.refreshIfDue()
        #expect(await gate.code(envelope) == .verifyKeysUnavailable)
        gate.document.set(try Gate.document())
        gate.clock.advance(.minutes(6))
        await gate.keySet.refreshIfDue()
        #expect(await gate.code(envelope) == nil)
        #expect(gate.keySet.status.failure == nil)
    }

    @Test("A retired key verifies what it signed before it left, until the window has passed")
    func retires() async throws {
        let gate = try await Gate(Gate.options { $0.window = .hours(48) }, document: try Self.both())
        #expect(gate.keySet.status.keyIDs == ["other-1", "sigsvc-2025-09"])
        let before = try Publisher().envelope()
        gate.clock.advance(.hours(1))
        gate.document.set(try Self.onlyOther())
        await gate.keySet.refreshIfDue()
        #expect(gate.keySet.status.retiredKeyIDs == ["sigsvc-2025-09"])
        #expect(await gate.code(before) == nil)
        var after = try Publisher()
        after.header["ts"] = .string(Timestamp.text(of: gate.clock.now + .minutes(4)))
        let sentAt = gate.clock.now
        #expect(await gate.code(Publisher.envelope(after.body(token: try after.token()), sentAt: sentAt)) == nil)
        after.header["ts"] = .string(Timestamp.text(of: gate.clock.now + .minutes(6)))
        let late = Publisher.envelope(after.body(token: try after.token()), sentAt: sentAt + .minutes(6))
        #expect(await gate.code(late) == .verifyUnknownKey)
        for _ in 0..<3 {
            gate.clock.advance(.hours(16))
            await gate.keySet.refreshIfDue()
        }
        #expect(await gate.code(before) == .verifyUnknownKey)
        gate.clock.advance(.hours(1))
        await gate.keySet.refreshIfDue()
        #expect(gate.keySet.status.retiredKeyIDs.isEmpty)
    }

    @Test("A key that comes back is no longer retired, and other bytes under its kid are another key")
    func replaces() async throws {
        let gate = try await Gate()
        let envelope = try Publisher().envelope()
        for (document, code) in [
            (try Self.onlyOther(), nil), (try Gate.document(), nil),
            (
                KeyTool.publicDocument([try PrivateKey(Publisher.other.get().key, keyID: "sigsvc-2025-09")], as: .pqk),
                FailureCode.verifyBadSignature
            ),
            (try Gate.document(), nil),
        ] {
            gate.document.set(document)
            gate.clock.advance(.minutes(6))
            await gate.keySet.refreshIfDue()
            #expect(await gate.code(envelope) == code)
        }
        #expect(gate.keySet.status.retiredKeyIDs == ["other-1"])
    }

    @Test("A revoked key verifies nothing, whatever the document says")
    func revokes() async throws {
        let gate = try await Gate(Gate.options { $0.revoked = ["sigsvc-2025-09"] })
        #expect(try await gate.code(Publisher()) == .verifyNotAuthorised)
    }

    @Test("Ten thousand unknown kids ask for one fetch an interval, and the key that arrives is used")
    func unknownKeys() async throws {
        let gate = try await Gate(document: try Self.onlyOther())
        #expect(gate.document.fetches == 1)
        let publisher = try Publisher()
        let token = try publisher.token()
        let dot = try #require(token.firstIndex(of: "."))
        let tail = String(token[dot...])
        let frame = publisher.body(token: "@" + tail).utf8.split(separator: UInt8(ascii: "@")).map { Array($0) }
        for interval in 1...3 {
            gate.clock.advance(Limits.keySetRefetch)
            let envelopes = (0..<3334).map { number in
                var header = publisher.header
                header["kid"] = "k-\(interval)-\(number)"
                let body = frame[0] + Base64URL.encode(header.serialised()) + frame[1]
                return Publisher.envelope(body[...])
            }
            for start in stride(from: 0, to: envelopes.count, by: 10) {
                let batch = envelopes[start..<min(start + 10, envelopes.count)]
                for result in await gate.verifier.verify(Array(batch)) {
                    guard case .failure(let failure) = result else { throw Self.unreachable }
                    #expect(failure.code == .verifyUnknownKey)
                }
                await gate.keySet.refreshIfAskedFor()
            }
            #expect(gate.document.fetches == 1 + interval)
        }
        gate.document.set(try Self.both())
        #expect(try await gate.code(publisher) == .verifyUnknownKey)
        await gate.keySet.refreshIfAskedFor()
        #expect(gate.document.fetches == 4)
        gate.clock.advance(Limits.keySetRefetch)
        await gate.keySet.refreshIfAskedFor()
        #expect(gate.document.fetches == 5)
        #expect(try await gate.code(publisher) == nil)
        await gate.keySet.refreshIfAskedFor()
        gate.clock.advance(Limits.keySetRefetch)
        await gate.keySet.refreshIfAskedFor()
        #expect(gate.document.fetches == 5)
    }

    @Test("The loop fetches at once, again for an unknown key, and ends when cancelled")
    func runs() async throws {
        let notes = Notes()
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let document = try Gate.document()
        struct Telling: KeySetFetcher {
            let document: [UInt8]
            let arrived: AsyncStream<Void>.Continuation
            func fetch() async throws(Failure) -> Bytes {
                arrived.yield()
                return document[...]
            }
        }
        let clock = SetClock()
        let keySet = try KeySetSource(
            Gate.options(), fetcher: Telling(document: document, arrived: arrived), clock: clock, observer: notes,
            seed: 1)
        var iterator = arrivals.makeAsyncIterator()
        let loop = Task { await keySet.run() }
        await iterator.next()
        clock.advance(.seconds(31))
        keySet.wantsKey()
        await iterator.next()
        loop.cancel()
        await loop.value
        #expect(keySet.status.fetchedAt != nil)
    }

    @Test("One fetch is under way, whoever asks")
    func singleFlight() async throws {
        struct Slow: KeySetFetcher {
            let document: [UInt8]
            let fetches = Counter()
            let started: AsyncStream<Void>.Continuation
            let gate: AsyncStream<Void>
            func fetch() async throws(Failure) -> Bytes {
                fetches.add()
                started.yield()
                for await _ in gate { break }
                return document[...]
            }
        }
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        let slow = Slow(document: try Gate.document(), started: started, gate: gate)
        let keySet = try KeySetSource(Gate.options(), fetcher: slow, clock: SetClock(), observer: Notes(), seed: 1)
        async let first: Void = keySet.refreshIfDue()
        for await _ in starts { break }
        for _ in 0..<100 {
            await keySet.refreshIfDue()
            await keySet.refreshIfAskedFor()
        }
        open.yield()
        await first
        #expect(slow.fetches.value == 1)
        #expect(keySet.status.isUsable)
    }

    @Test("A key set may not be called as ids of the bus are, nor nothing", arguments: ["", "envelope"])
    func refusesNames(name: String) {
        #expect(throws: Failure.self) {
            try KeySetSource(
                Gate.options { $0.name = name }, fetcher: HeldDocument([]), clock: SetClock(), observer: Notes(),
                seed: 1)
        }
    }

    @Test("Prepared keys are bounded, and known by their bytes")
    func preparedKeys() {
        let cache = PreparedKeys(capacity: 4)
        func key(_ name: String, _ first: UInt8 = 0) -> VerificationKey {
            VerificationKey(keyID: name, algorithm: .dilithium2, bytes: [first] + [UInt8](repeating: 0, count: 1311))
        }
        let one = cache.prepared(key("1"), of: "a")
        #expect(cache.prepared(key("1"), of: "a") === one)
        #expect(cache.prepared(key("1"), of: "b") !== one)
        #expect(cache.prepared(key("1", 7), of: "a") !== one)
        for name in ["2", "3", "4", "5"] {
            _ = cache.prepared(key(name), of: "a")
            #expect(cache.prepared(key("1"), of: "a") === one)
        }
        #expect(cache.count == 4)
        for name in ["6", "7", "8", "9"] { _ = cache.prepared(key(name), of: "a") }
        #expect(cache.prepared(key("1"), of: "a") !== one)
        #expect(cache.count == 4)
    }
}

final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    func add() { count.add(1, ordering: .relaxed) }
    var value: Int { count.load(ordering: .relaxed) }
}

@Suite("Key sets over HTTP")
struct HTTPKeySetFetcherTests {
    @Test("A document is read from loopback and from a Unix socket")
    func fetches() async throws {
        let document = try Gate.document()
        let folder = try TemporaryFolder()
        let client = HTTPClient()
        defer { client.shutdown() }
        let reply = TestServer.Reply.answer(200, body: document)
        let server = try TestServer { _ in reply }
        let local = try TestServer(unixSocket: folder.file("keys.sock")) { _ in reply }
        for url in [server.url + "/keys/jwks-pqc", "unix:\(folder.file("keys.sock")):/keys/jwks-pqc"] {
            let fetcher = try HTTPKeySetFetcher(Gate.options { $0.url = url }, client: client)
            #expect(try await fetcher.fetch().elementsEqual(document))
        }
        #expect(server.requests.map(\.target) == ["/keys/jwks-pqc"])
        #expect(local.requests.map(\.target) == ["/keys/jwks-pqc"])
    }

    @Test("Wrong answers change nothing")
    func keepsWhatItHas() async throws {
        let document = try Gate.document()
        let place = try TestServer { _ in .answer(200, body: document) }
        let client = HTTPClient()
        defer { client.shutdown() }
        let large = [UInt8](repeating: 0x20, count: Limits.keySetBytes + 1)
        let replies = Mutex<[TestServer.Reply]>([
            .answer(200, body: document), .answer(500, body: document), .answer(404),
            .answer(302, headers: ["Location": place.url]), .answer(200, body: Array("<html></html>".utf8)),
            .answer(200, body: large), .answer(200, body: Array(document.dropLast(5))), .answer(200),
            .answer(200, headers: ["Content-Encoding": "gzip"], body: [0x1F, 0x8B, 0x08, 0x00]),
            .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: \(document.count)\r\n\r\n".utf8) + document.dropLast(9)),
            .raw(Array("nonsense\r\n\r\n".utf8)), .answer(204), .answer(200, body: document),
        ])
        let server = try TestServer { _ in replies.withLock { $0.removeFirst() } }
        let options = Gate.options { $0.url = server.url + "/keys" }
        let clock = SetClock()
        let notes = Notes()
        let keySet = try KeySetSource(
            options, fetcher: try HTTPKeySetFetcher(options, client: client), clock: clock, observer: notes, seed: 1)
        await keySet.refreshIfDue()
        let fetchedAt = try #require(keySet.status.fetchedAt)
        for failures in 1...11 {
            clock.advance(.minutes(6))
            await keySet.refreshIfDue()
            #expect(notes.failures.count == failures)
            #expect(keySet.status.keyIDs == ["sigsvc-2025-09"])
            #expect(keySet.status.fetchedAt == fetchedAt)
        }
        clock.advance(.minutes(6))
        await keySet.refreshIfDue()
        #expect(keySet.status.failure == nil)
        #expect(keySet.status.fetchedAt == clock.now)
        #expect(place.requests.isEmpty)
        #expect(
            notes.failures.map(\.code) == [
                .keysUnreachable, .keysUnreachable, .keysUnreachable, .keysRefused, .keysRefused, .keysRefused,
                .keysRefused, .keysRefused, .keysUnreachable, .keysUnreachable, .keysUnreachable,
            ])
    }
}
