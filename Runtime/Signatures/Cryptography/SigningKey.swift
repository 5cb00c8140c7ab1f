// Signing with ML-DSA-44 keys: BoringSSL holds the secrets and signs in constant time, our verifier checks the result.

internal import CCryptoBoringSSL
internal import CDilithium
public import Events

/// The three schemes that answer to the name Dilithium2: one kind of key, three ways to hash a message.
public enum SignatureVariant: String, Sendable, CaseIterable {
    /// CRYSTALS-Dilithium round 3.1 (2021).
    case round31 = "r3.1"
    /// FIPS 204, initial public draft (2023).
    case ipd
    /// FIPS 204 (2024), pure, with an empty context.
    case mldsa44
}

/// A private key of ML-DSA-44 (FIPS 204), immutable; any thread may sign. Its memory is wiped with the last reference.
///
/// Signing takes about half a millisecond, sometimes several: never on an event loop.
public final class SigningKey: @unchecked Sendable {
    // Unchecked: the memory behind the pointers is written by `init` and `deinit` alone.
    private let secret = UnsafeMutablePointer<MLDSA44_private_key>.allocate(capacity: 1)
    private let verifier = UnsafeMutablePointer<dilithium_key>.allocate(capacity: 1)
    private let secretSeed = UnsafeMutablePointer<UInt8>.allocate(capacity: SigningKey.seedBytes)

    /// The encoded public key, 1312 bytes.
    public let publicKey: [UInt8]

    public static let seedBytes = 32
    public static let publicKeyBytes = DILITHIUM_PUBLIC_KEY_BYTES
    public static let signatureBytes = DILITHIUM_SIGNATURE_BYTES

    /// The key of a seed (algorithm 6, `priv` of RFC 9964).
    ///
    /// - Throws: `settings.invalid` when the seed is not 32 bytes.
    public convenience init(seed: [UInt8]) throws(Failure) {
        guard seed.count == Self.seedBytes else {
            throw Failure(.settingsInvalid, "signing key", "a seed has \(Self.seedBytes) bytes, not \(seed.count)")
        }
        self.init { $0.update(from: seed, count: Self.seedBytes) }
    }

    /// A new key from the system's random numbers.
    public static func generate() -> SigningKey {
        SigningKey { CCryptoBoringSSL_RAND_bytes($0, seedBytes) }
    }

    private init(fill: (UnsafeMutablePointer<UInt8>) -> Void) {
        fill(secretSeed)
        guard CCryptoBoringSSL_MLDSA44_private_key_from_seed(secret, secretSeed, Self.seedBytes) == 1,
            let publicKey = Self.publicKey(of: secret)
        else { preconditionFailure("out of memory") }
        dilithium_prepare(verifier, publicKey)
        self.publicKey = publicKey
    }

    deinit {
        CCryptoBoringSSL_OPENSSL_cleanse(secret, MemoryLayout<MLDSA44_private_key>.size)
        CCryptoBoringSSL_OPENSSL_cleanse(secretSeed, Self.seedBytes)
        secret.deallocate()
        secretSeed.deallocate()
        verifier.deallocate()
    }

    /// A copy of the seed, for whoever stores the key. The caller keeps it secret.
    public var seed: [UInt8] { [UInt8](UnsafeBufferPointer(start: secretSeed, count: Self.seedBytes)) }

    /// Signs a message: 2420 bytes, other ones each time (hedged, FIPS 204, 3.4), verified before they are returned:
    /// the result of a fault may give the key away.
    ///
    /// - Throws: `publish.signing` when no signature was made or it does not verify.
    public func sign(_ message: [UInt8], as variant: SignatureVariant) throws(Failure) -> [UInt8] {
        let signature = message.withUnsafeBufferPointer { buffer in
            sign([dilithium_part(bytes: buffer.baseAddress, count: buffer.count)], as: variant.identifier)
        }
        guard let signature else { throw Failure(.publishSigning, variant.rawValue, "the signature does not verify") }
        return signature
    }

    func sign(_ message: [dilithium_part], as variant: dilithium_variant) -> [UInt8]? {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: DILITHIUM_REPRESENTATIVE_BYTES) { mu in
            dilithium_represent(verifier, message, message.count, variant, mu.baseAddress)
            var signed: Int32 = 0
            let signature = [UInt8](unsafeUninitializedCapacity: Self.signatureBytes) { output, count in
                signed = CCryptoBoringSSL_MLDSA44_sign_message_representative(
                    output.baseAddress, secret, mu.baseAddress)
                count = signed == 1 ? Self.signatureBytes : 0
            }
            let verified = dilithium_verify(
                verifier, message, message.count, signature, signature.count, variant.rawValue, variant.rawValue)
            return verified == variant.rawValue ? signature : nil
        }
    }

    /// Encodes the public half. `nil` when BoringSSL has no memory.
    private static func publicKey(of secret: UnsafePointer<MLDSA44_private_key>) -> [UInt8]? {
        withUnsafeTemporaryAllocation(of: MLDSA44_public_key.self, capacity: 1) { parsed in
            var encoding = CBB()
            var written = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: publicKeyBytes) { output, count in
                let encoded =
                    CCryptoBoringSSL_MLDSA44_public_from_private(parsed.baseAddress, secret) == 1
                    && CCryptoBoringSSL_CBB_init_fixed(&encoding, output.baseAddress, output.count) == 1
                    && CCryptoBoringSSL_MLDSA44_marshal_public_key(&encoding, parsed.baseAddress) == 1
                    && CCryptoBoringSSL_CBB_finish(&encoding, nil, &written) == 1
                count = encoded ? written : 0
            }
            return bytes.count == publicKeyBytes ? bytes : nil
        }
    }
}

extension SignatureVariant {
    fileprivate var identifier: dilithium_variant {
        switch self {
        case .round31: DILITHIUM_ROUND31
        case .ipd: DILITHIUM_IPD
        case .mldsa44: DILITHIUM_MLDSA44
        }
    }
}
