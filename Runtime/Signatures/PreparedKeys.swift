import CDilithium
import Cryptography
import Events
import Synchronization

/// The prepared keys in use, at most ``Limits/preparedKeys``; the one that was not used for longest makes room.
///
/// A key is known by its set, its kid and its bytes: other bytes under the same kid never meet the old preparation.
final class PreparedKeys: Sendable {
    private struct Name: Hashable {
        let issuer: String
        let keyID: String
        let digest: Digest
    }
    private struct State {
        var entries: [Name: (key: PreparedKey, used: UInt64)] = [:]
        var uses: UInt64 = 0
        /// The one that was used last: most events come by the key of the one before.
        var last: (key: VerificationKey, prepared: PreparedKey)?
    }
    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int = Limits.preparedKeys) { self.capacity = capacity }

    func prepared(_ key: VerificationKey, of issuer: String) -> PreparedKey {
        let last = state.withLock { state in state.last?.key === key ? state.last?.prepared : nil }
        if let last { return last }
        let name = Name(issuer: issuer, keyID: key.keyID, digest: key.digest)
        let known: PreparedKey? = state.withLock { state in
            state.uses += 1
            guard let prepared = state.entries[name]?.key else { return nil }
            state.entries[name]?.used = state.uses
            state.last = (key, prepared)
            return prepared
        }
        if let known { return known }
        let prepared = PreparedKey(key.bytes)
        return state.withLock { state in
            if let earlier = state.entries[name] { return earlier.key }
            if state.entries.count >= capacity, let oldest = state.entries.min(by: { $0.value.used < $1.value.used }) {
                state.entries[oldest.key] = nil
            }
            state.uses += 1
            state.entries[name] = (prepared, state.uses)
            state.last = (key, prepared)
            return prepared
        }
    }

    var count: Int { state.withLock { $0.entries.count } }
}

/// A public key with its expensive part done: about 20 KiB, for as many verifications as one likes.
final class PreparedKey: @unchecked Sendable {
    // Unchecked: written by `init` alone, and read ever after.
    private let key = UnsafeMutablePointer<dilithium_key>.allocate(capacity: 1)

    /// - Parameter publicKey: 1312 bytes.
    init(_ publicKey: [UInt8]) {
        precondition(publicKey.count == CompactToken.publicKeyBytes)
        dilithium_prepare(key, publicKey)
    }

    deinit { key.deallocate() }

    var pointer: UnsafePointer<dilithium_key> { UnsafePointer(key) }
}

extension SignatureVariant {
    var identifier: UInt32 {
        switch self {
        case .round31: DILITHIUM_ROUND31.rawValue
        case .ipd: DILITHIUM_IPD.rawValue
        case .mldsa44: DILITHIUM_MLDSA44.rawValue
        }
    }
}
