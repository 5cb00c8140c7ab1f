// What the tests of the verifier share: a Swift face of the C functions, BoringSSL as oracle, readers of known answers.

import CCryptoBoringSSL
import CDilithium
import Cryptography
import Foundation
import Support
import Testing

/// A public key, prepared for every kind of machine that this one can be: every question is put to all, alone and in
/// the company of others.
final class ManifoldKey: @unchecked Sendable {
    // Unchecked: the keys are written by `init` alone.
    static let all = [DILITHIUM_ROUND31, DILITHIUM_IPD, DILITHIUM_MLDSA44]
    private let keys: [UnsafeMutablePointer<dilithium_key>]

    init(_ publicKey: [UInt8]) {
        precondition(publicKey.count == DILITHIUM_PUBLIC_KEY_BYTES)
        keys = [DILITHIUM_PORTABLE, DILITHIUM_AVX2, DILITHIUM_AVX512].compactMap { machine in
            let key = UnsafeMutablePointer<dilithium_key>.allocate(capacity: 1)
            if dilithium_prepare_for(key, machine, publicKey) == 1 { return key }
            key.deallocate()
            return nil
        }
    }

    deinit { for key in keys { key.deallocate() } }

    /// The variant that verified, `nil` if none did.
    func verify(
        _ parts: [[UInt8]], _ signature: [UInt8], allowed: [dilithium_variant] = all,
        preferred: dilithium_variant = DILITHIUM_MLDSA44
    ) -> dilithium_variant? {
        withParts(parts) { parts in
            let set = allowed.reduce(0) { $0 | $1.rawValue }
            let verified = agreed {
                dilithium_verify(
                    $0, parts.baseAddress, parts.count, signature, signature.count, set, preferred.rawValue)
            }
            let together = signature.withUnsafeBufferPointer { signature in
                verifyTogether(keys.flatMap { key in
                    [set, 0, set].map { set in
                        dilithium_request(
                            key: key, message: parts.baseAddress, parts: parts.count,
                            signature: signature.baseAddress, signature_bytes: signature.count, allowed: set,
                            preferred: preferred.rawValue)
                    }
                })
            }
            #expect(together == keys.flatMap { _ in [verified, 0, verified] }, "a batch disagrees")
            return verified == 0 ? nil : dilithium_variant(verified)
        }
    }

    func verify(representative: [UInt8], _ signature: [UInt8]) -> Bool {
        agreed { dilithium_verify_representative($0, representative, signature, signature.count) } == 1
    }

    private func agreed<Answer: Equatable>(_ ask: (UnsafePointer<dilithium_key>) -> Answer) -> Answer {
        let answer = ask(keys[0])
        for key in keys.dropFirst() { #expect(ask(key) == answer, "the paths disagree") }
        return answer
    }

    func representative(of message: [UInt8], as variant: dilithium_variant) -> [UInt8] {
        withParts([message]) { parts in
            agreed { key in
                [UInt8](unsafeUninitializedCapacity: DILITHIUM_REPRESENTATIVE_BYTES) { output, count in
                    dilithium_represent(key, parts.baseAddress, parts.count, variant, output.baseAddress)
                    count = DILITHIUM_REPRESENTATIVE_BYTES
                }
            }
        }
    }

    /// A request with a key of this one's. The pointers must outlive it.
    func request(
        _ part: UnsafePointer<dilithium_part>, _ signature: UnsafeBufferPointer<UInt8>, on machine: Int
    ) -> dilithium_request {
        dilithium_request(
            key: keys[machine % keys.count], message: part, parts: 1, signature: signature.baseAddress,
            signature_bytes: signature.count, allowed: Self.all.reduce(0) { $0 | $1.rawValue }, preferred: 0)
    }

    private func withParts<Result>(
        _ parts: [[UInt8]], _ body: (UnsafeBufferPointer<dilithium_part>) -> Result
    ) -> Result {
        Array(parts.joined()).withUnsafeBufferPointer { buffer in
            var offset = 0
            let pieces = parts.map { part in
                defer { offset += part.count }
                return dilithium_part(bytes: buffer.baseAddress.map { $0 + offset }, count: part.count)
            }
            return pieces.withUnsafeBufferPointer(body)
        }
    }
}

func verifyTogether(_ requests: [dilithium_request]) -> [UInt32] {
    var verdicts = [UInt32](repeating: .max, count: requests.count)
    dilithium_verify_batch(requests, requests.count, &verdicts)
    return verdicts
}

/// BoringSSL's opinion on a signature of ML-DSA-44 with an empty context.
func boringSSLAccepts(_ publicKey: [UInt8], _ message: [UInt8], _ signature: [UInt8]) -> Bool {
    withUnsafeTemporaryAllocation(of: MLDSA44_public_key.self, capacity: 1) { parsed in
        publicKey.withUnsafeBufferPointer { bytes in
            var reader = CBS(data: bytes.baseAddress, len: bytes.count)
            guard CCryptoBoringSSL_MLDSA44_parse_public_key(parsed.baseAddress, &reader) == 1 else { return false }
            return CCryptoBoringSSL_MLDSA44_verify(
                parsed.baseAddress, signature, signature.count, message, message.count, nil, 0) == 1
        }
    }
}

func shake(_ bits: Int, _ parts: [[UInt8]], count: Int) -> [UInt8] {
    var state = CDilithium.shake()
    if bits == 128 { shake128_start(&state) } else { shake256_start(&state) }
    for part in parts { shake_absorb(&state, part, part.count) }
    return [UInt8](unsafeUninitializedCapacity: count) { output, written in
        shake_squeeze(&state, output.baseAddress, count)
        written = count
    }
}

// MARK: - known answers

extension [UInt8] {
    /// Bytes of hexadecimal text in either case.
    init(hexadecimal text: some Collection<UInt8>) {
        func value(_ digit: UInt8) -> UInt8 { digit < 58 ? digit & 15 : (digit & 7) + 9 }
        self = []
        reserveCapacity(text.count / 2)
        var high: UInt8?
        for digit in text {
            if let first = high {
                append(value(first) << 4 | value(digit))
                high = nil
            } else {
                high = digit
            }
        }
    }

    init(hexadecimal text: String) { self.init(hexadecimal: text.utf8) }
}

/// Known answers in lines `name = value`, one record after the other with an empty line between them.
struct KnownAnswers {
    let records: [[String: ArraySlice<UInt8>]]

    init(_ file: String) throws {
        var records: [[String: ArraySlice<UInt8>]] = [[:]]
        for line in try Fixtures.data(file).split(separator: 10, omittingEmptySubsequences: false) {
            guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
                if records[records.count - 1].isEmpty == false { records.append([:]) }
                continue
            }
            let name = String(decoding: line[..<equals], as: UTF8.self).trimmingCharacters(in: .whitespaces)
            records[records.count - 1][name] = line[(equals + 1)...].drop { $0 == 32 }
        }
        self.records = records.filter { !$0.isEmpty }
    }
}

/// The JSON of ACVP, as far as these tests read it.
struct ACVP: Decodable {
    struct Group: Decodable {
        let pk: String?
        let tests: [Test]
    }
    struct Test: Decodable {
        let seed, pk, sk, message, signature: String?
        let testPassed: Bool?
    }
    let testGroups: [Group]

    static func groups(_ file: String) throws -> [Group] {
        try JSONDecoder().decode(ACVP.self, from: Data(Fixtures.data("acvp/" + file))).testGroups
    }
}
