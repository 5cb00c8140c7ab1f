// Signatures of files: ML-DSA-44 under a context of its own, so that none of them can pass for an event's.

public import Events

/// Detached signatures of files, over the whole content: ``ContextSignature/file``.
public enum FileSignature {
    public static let context = ContextSignature.file.context
    public static let bytes = ContextSignature.bytes

    /// - Throws: `publish.signing` when no signature was made or it does not verify.
    public static func sign(_ content: UnsafeRawBufferPointer, with key: SigningKey) throws(Failure) -> [UInt8] {
        try ContextSignature.file.sign(content, with: key)
    }

    /// - Parameter publicKey: 1312 bytes; a key of any other length verifies nothing.
    public static func verifies(
        _ signature: [UInt8], of content: UnsafeRawBufferPointer, under publicKey: [UInt8]
    ) -> Bool { ContextSignature.file.verifies(signature, of: content, under: publicKey) }
}
