// A publisher that signs whatever it is given, at the price of a verification, and a verifier that knows its keys.

import CDilithium
import Cryptography
import DilithiumDifferential
import Events
import JSON
import Pipeline
import Synchronization

@testable import Signatures

/// Keys without a secret: any message has a valid signature under them.
enum Forger {
    static let now = Instant(unixMilliseconds: 1_760_000_000_000)
    static let house = "house-1"
    static let standard = "standard-1"
    static let names = [house, standard]

    static func publicKey(_ name: String) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(FORGERY_KEY_BYTES)) { bytes, count in
            if let start = bytes.baseAddress { forgery_key(number(name), start) }
            count = Int(FORGERY_KEY_BYTES)
        }
    }

    static func sign(_ message: [UInt8], _ name: String, _ variant: SignatureVariant) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(FORGERY_SIGNATURE_BYTES)) { bytes, count in
            if let start = bytes.baseAddress {
                forgery_sign(number(name), message, message.count, variant.identifier, start)
            }
            count = Int(FORGERY_SIGNATURE_BYTES)
        }
    }

    private static func number(_ name: String) -> UInt8 { UInt8(1 + (names.firstIndex(of: name) ?? names.count)) }

    /// `<header>.<payload>.<signature>`, whatever header and payload are.
    static func token(
        header: [UInt8], payload: [UInt8], _ name: String, _ variant: SignatureVariant
    ) -> [UInt8] {
        let input = text(of: header) + [0x2E] + text(of: payload)
        return input + [0x2E] + text(of: sign(input, name, variant))
    }

    /// base64url, bit by bit.
    static func text(of bytes: [UInt8]) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        return stride(from: 0, to: bytes.count * 8, by: 6).map { bit in
            let (high, low) = (bytes[bit / 8], bit / 8 + 1 < bytes.count ? bytes[bit / 8 + 1] : 0)
            let pair = UInt16(high) << 8 | UInt16(low)
            return alphabet[Int((pair << (bit % 8)) >> 10)]
        }
    }

    private static func key(_ name: String, _ type: String, _ algorithm: String, _ member: String) -> JSONValue {
        var key: JSONValue = [
            "kty": .string(type), "alg": .string(algorithm), "kid": .string(name),
            "\(member)": .string(String(decoding: text(of: publicKey(name)), as: UTF8.self)),
        ]
        if member == "x" { key["crv"] = .string(algorithm) }
        return key
    }

    static let document: [UInt8] = {
        let keys: JSONValue = [
            "keys": [
                key(house, "PQK", "Dilithium2", "x"), key(standard, "AKP", "ML-DSA-44", "pub"),
            ]
        ]
        return keys.serialised()
    }()
}

/// A verifier that knows both keys of the house, for the sources `bank.*` and `fx`.
struct Gate {
    static let strict = Gate(.strict)
    static let asSigned = Gate(.asSigned)

    private struct Stopped: WallClock { let now = Forger.now }
    private struct Held: KeySetFetcher {
        func fetch() async throws(Failure) -> Bytes { Forger.document[...] }
    }
    private struct Deaf: KeySetObserver {
        func note(_ event: KeySetEvent, of keySet: String) {}
    }

    let rule: CanonicalRule
    private let verifier: EventVerifier?

    private init(_ rule: CanonicalRule) {
        self.rule = rule
        let options = KeySetOptions(
            name: "house", url: "https://keys.test/", sources: ["bank.*", "fx"], canonical: rule)
        let source = try? KeySetSource(options, fetcher: Held(), clock: Stopped(), observer: Deaf(), seed: 1)
        verifier = source.map { EventVerifier(keySets: [$0], options: VerifyOptions(), clock: Stopped()) }
        if let source { _ = Caller.run { await source.refreshIfDue() } }
    }

    func verify(_ body: Bytes) throws -> Result<Event, Failure> {
        let envelope = Envelope(
            messageID: MessageID("m-1"), receipt: ReceiptHandle("r-1"), body: body,
            attributes: [Attribute(name: "traceparent", value: "00-0-0-0")], sentAt: Forger.now,
            firstReceivedAt: Forger.now)
        guard let verifier, let result = Caller.run({ await verifier.verify([envelope]) })?.first else {
            throw Broken(description: "no verdict")
        }
        return result
    }
}

/// Runs what is async and never waits, on the thread that asks.
final class Caller: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    private func drain() {
        while let job = jobs.withLock({ $0.popLast() }) { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    /// `nil` if it waited for something after all.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value? {
        let caller = Caller()
        let result = Result<Value>()
        Task(executorPreference: caller) {
            let value = await body()
            result.value.withLock { $0 = value }
        }
        caller.drain()
        return result.value.withLock { $0 }
    }

    private final class Result<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }
}
