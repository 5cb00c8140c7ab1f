import Cryptography
import Events
import Synchronization

/// A public key of a key set: a reference, since every event has one.
final class VerificationKey: Sendable {
    let keyID: String
    let algorithm: TokenAlgorithm
    let bytes: [UInt8]
    let digest: Digest
    let variants: SeenVariants

    init(keyID: String, algorithm: TokenAlgorithm, bytes: [UInt8], variants: SeenVariants = SeenVariants()) {
        self.keyID = keyID
        self.algorithm = algorithm
        self.bytes = bytes
        self.variants = variants
        digest = Hash.sha256(bytes)
    }

    func isSame(as other: VerificationKey) -> Bool { digest == other.digest && algorithm == other.algorithm }
}

/// The variants that verified under one key. It goes with the key from document to document.
final class SeenVariants: Sendable {
    private let seen = Atomic<UInt32>(0)
    private let last = Atomic<UInt32>(0)

    /// The variant to try first; 0 before the first success.
    var preferred: UInt32 { last.load(ordering: .relaxed) }

    /// True if this variant is new for the key, and not the first.
    func note(_ variant: UInt32) -> Bool {
        last.store(variant, ordering: .relaxed)
        if seen.load(ordering: .relaxed) & variant != 0 { return false }
        let before = seen.bitwiseOr(variant, ordering: .relaxed).oldValue
        return before & variant == 0 && before != 0
    }
}
