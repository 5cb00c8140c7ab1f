// What tests of tokens and key sets have in common: a clock to set, a publisher to sign anything, a fetcher to fail.

import Cryptography
import Events
import JSON
import Pipeline
import Synchronization
import Testing

@testable import Signatures

final class SetClock: WallClock {
    private let moment: Mutex<Instant>
    init(_ now: Instant = Publisher.now) { moment = Mutex(now) }
    var now: Instant { moment.withLock { $0 } }
    func advance(_ duration: Duration) { moment.withLock { $0 = $0 + duration } }
}

/// A key set's document, as the test sets it.
final class HeldDocument: KeySetFetcher {
    private let state: Mutex<(document: Result<[UInt8], Failure>, fetches: Int)>
    init(_ document: [UInt8]) { state = Mutex((.success(document), 0)) }

    var fetches: Int { state.withLock { $0.fetches } }
    func set(_ document: [UInt8]) { state.withLock { $0.document = .success(document) } }
    func fail(_ failure: Failure) { state.withLock { $0.document = .failure(failure) } }

    func fetch() async throws(Failure) -> Bytes {
        let document = state.withLock { state in
            state.fetches += 1
            return state.document
        }
        return try document.get()[...]
    }
}

final class Notes: KeySetObserver {
    private let events = Mutex<[KeySetEvent]>([])
    func note(_ event: KeySetEvent, of keySet: String) { events.withLock { $0.append(event) } }
    var all: [KeySetEvent] { events.withLock { $0 } }
    var failures: [Failure] {
        all.compactMap { if case .failed(let failure) = $0 { failure } else { nil } }
    }
    var secondVariants: [SignatureVariant] {
        all.compactMap { if case .secondVariant(_, let variant) = $0 { variant } else { nil } }
    }
}

/// Signs whatever a test wants signed, also what no honest publisher would.
struct Publisher {
    static let now = Instant(unixMilliseconds: 1_760_000_000_000)
    static let source = "qsl.treasury"
    static let detailType = "Payment.Completed.v1"
    static let resource = "urn:qsl:treasury:payment:P-1"
    static let core = #"{"amount":"12.50","id":"P-1","note":"Grüße"}"#
    /// One key for all tests: making one takes long in a debug build.
    static let key = Result { try PrivateKey(SigningKey(seed: Array(0..<32)), keyID: "sigsvc-2025-09") }
    static let other = Result { try PrivateKey(SigningKey(seed: Array(32..<64)), keyID: "other-1") }

    var key: PrivateKey
    var variant = SignatureVariant.mldsa44
    var core = Publisher.core
    var payload: String?
    var header: JSONValue
    var source = Publisher.source
    var detailType = Publisher.detailType
    var resource = Publisher.resource
    var envelopeID = "0f0e-1"

    init(_ key: PrivateKey? = nil) throws {
        self.key = try key ?? Self.key.get()
        header = [
            "alg": "Dilithium2", "kid": .string(self.key.keyID), "ts": .string(Timestamp.text(of: Self.now)),
            "hash": "SHA-256", "typ": "QSL-JWS-PQC",
        ]
    }

    mutating func bind(id: String = "evt-1") {
        header["src"] = .string(source)
        header["dt"] = .string(detailType)
        header["res"] = .string(resource)
        header["jti"] = .string(id)
    }

    func token(header text: String? = nil) throws -> String {
        let header = text.map { Array($0.utf8) } ?? self.header.serialised()
        let input = Base64URL.encode(header) + Array(".".utf8) + Base64URL.encode((payload ?? core).utf8)
        let signature = try key.key.sign(input, as: variant)
        return String(decoding: input + Array(".".utf8) + Base64URL.encode(signature), as: UTF8.self)
    }

    func detail(token: String) -> String {
        """
        {"version":"v1","trace":{"correlationId":"c-1","userId":"u-1","tenantId":"t-1","deviceId":"d-1"},\
        "resource":"\(resource)","detailCore":\(core),"sig_compact":"\(token)"}
        """
    }

    func body(token: String) -> String {
        """
        {"version":"0","id":"\(envelopeID)","source":"\(source)","detail-type":"\(detailType)","account":"1",\
        "time":"2025-10-09T08:53:20Z","region":"eu-central-1","resources":[],"detail":\(detail(token: token))}
        """
    }

    func envelope() throws -> Envelope { Self.envelope(body(token: try token())) }

    static func envelope(_ body: String, sentAt: Instant = Publisher.now) -> Envelope {
        envelope(Bytes(body), sentAt: sentAt)
    }

    static func envelope(_ body: Bytes, sentAt: Instant = Publisher.now) -> Envelope {
        Envelope(
            messageID: MessageID("m-1"), receipt: ReceiptHandle("r-1"), body: body, sentAt: sentAt,
            firstReceivedAt: sentAt)
    }
}

/// A verifier with one key set, or more, fetched once.
struct Gate {
    let clock: SetClock
    let document: HeldDocument
    let keySet: KeySetSource
    let verifier: EventVerifier
    let notes: Notes

    static func document(_ form: KeyTool.Form = .pqk) throws -> [UInt8] {
        KeyTool.publicDocument([try Publisher.key.get()], as: form)
    }

    static func options(_ change: (inout KeySetOptions) -> Void = { _ in }) -> KeySetOptions {
        var options = KeySetOptions(name: "treasury", url: "https://keys.test/", sources: ["qsl.treasury"])
        change(&options)
        return options
    }

    init(
        _ options: KeySetOptions = Gate.options(), document: [UInt8]? = nil, verify: VerifyOptions = VerifyOptions(),
        others: [KeySetSource] = []
    ) async throws {
        clock = SetClock()
        notes = Notes()
        self.document = HeldDocument(try document ?? Gate.document())
        keySet = try KeySetSource(options, fetcher: self.document, clock: clock, observer: notes, seed: 1)
        verifier = EventVerifier(keySets: [keySet] + others, options: verify, clock: clock)
        await keySet.refreshIfDue()
    }

    func verify(_ envelope: Envelope) async -> Result<Event, Failure> { await verifier.verify([envelope])[0] }

    func code(_ envelope: Envelope) async -> FailureCode? {
        if case .failure(let failure) = await verify(envelope) { failure.code } else { nil }
    }

    func code(_ publisher: Publisher) async throws -> FailureCode? { await code(try publisher.envelope()) }
}
