import CDilithium
import Cryptography
import Events

/// One signature to verify. All three variants are tried, `preferred` first: that is how a signature under a forbidden
/// variant is told from a forged one.
struct SignatureCheck {
    let key: PreparedKey
    let signature: [UInt8]
    let message: Bytes
    /// An identifier of ``SignatureVariant``, or 0.
    let preferred: UInt32

    /// The variant under which the signature verifies, `nil` if it does under none.
    func verify() -> SignatureVariant? { Self.verify([self])[0] }

    /// The same for many, for less than each alone would cost: they are hashed four at a time.
    static func verify(_ checks: [SignatureCheck]) -> [SignatureVariant?] {
        var variants: [SignatureVariant?] = []
        variants.reserveCapacity(checks.count)
        var requests: [dilithium_request] = []
        for start in stride(from: 0, to: checks.count, by: together) {
            requests.removeAll(keepingCapacity: true)
            verify(checks, start..<min(start + together, checks.count), after: &requests, into: &variants)
        }
        return variants
    }

    private static let known = SignatureVariant.allCases
    /// As many as C takes at once.
    private static let together = 16

    /// Every signature and message must stay where it is until all are verified: each level of this recursion holds
    /// one of them.
    private static func verify(
        _ checks: [SignatureCheck], _ places: Range<Int>, after requests: inout [dilithium_request],
        into variants: inout [SignatureVariant?]
    ) {
        guard let place = places.first else {
            var verdicts = [UInt32](repeating: 0, count: requests.count)
            dilithium_verify_batch(requests, requests.count, &verdicts)
            for verdict in verdicts { variants.append(known.first { $0.identifier == verdict }) }
            return
        }
        let all = DILITHIUM_ROUND31.rawValue | DILITHIUM_IPD.rawValue | DILITHIUM_MLDSA44.rawValue
        checks[place].message.withUnsafeBufferPointer { message in
            checks[place].signature.withUnsafeBufferPointer { signature in
                withUnsafePointer(to: dilithium_part(bytes: message.baseAddress, count: message.count)) { part in
                    requests.append(
                        dilithium_request(
                            key: checks[place].key.pointer, message: part, parts: 1, signature: signature.baseAddress,
                            signature_bytes: signature.count, allowed: all, preferred: checks[place].preferred))
                    verify(checks, places.dropFirst(), after: &requests, into: &variants)
                }
            }
        }
    }
}
