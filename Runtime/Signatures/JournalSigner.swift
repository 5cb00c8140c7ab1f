import Cryptography
public import Events
public import Pipeline

/// Signs the journal's heads with the key that signs published events, under a context of their own
/// (``ContextSignature/journal``).
public struct JournalSigner: HeadSigner {
    private let key: PrivateKey
    public init(_ key: PrivateKey) { self.key = key }

    public func sign(_ head: HeadStatement) async throws(Failure) -> HeadSignature {
        let signature = head.bytes.withUnsafeBytes { bytes in
            Result { () throws(Failure) in try ContextSignature.journal.sign(bytes, with: key.key) }
        }
        return HeadSignature(keyID: key.keyID, bytes: try signature.get())
    }
}

/// The public keys that a journal's heads are checked with, by id.
public struct JournalKeys: Sendable {
    private var keys: [String: [[UInt8]]] = [:]

    /// - Parameter paths: files of public keys, as `outrigger keys public` prints them.
    /// - Throws: `settings.unreadable`, `keys.refused`.
    public init(_ paths: [String]) throws(Failure) {
        for path in paths {
            let bytes = try PublicFile.bytes(of: path, atMost: Limits.keySetBytes)
            for key in try KeySetDocument(parsing: bytes[...]).keys { keys[key.keyID, default: []].append(key.bytes) }
        }
    }

    /// `nil` for an id that is none of theirs.
    public func verifies(_ signature: HeadSignature, of head: HeadStatement) -> Bool? {
        guard let candidates = keys[signature.keyID] else { return nil }
        return head.bytes.withUnsafeBytes { bytes in
            candidates.contains { ContextSignature.journal.verifies(signature.bytes, of: bytes, under: $0) }
        }
    }
}
