// Signatures of what is no event: ML-DSA-44 under a context for each purpose, so that none can pass for another's.

internal import CDilithium
public import Events

/// ML-DSA-44 (FIPS 204, algorithms 2 and 3), pure, with a context. Any other implementation makes and checks the same
/// ones: `openssl pkeyutl -verify -rawin -pkeyopt context-string:... `.
public struct ContextSignature: Sendable {
    public static let bytes = SigningKey.signatureBytes
    /// Of files: plugins.
    public static let file = ContextSignature("outrigger-file")
    /// Of the journal's heads.
    public static let journal = ContextSignature("outrigger-journal")

    public let context: String

    private init(_ context: String) { self.context = context }

    /// - Throws: `publish.signing` when no signature was made or it does not verify.
    public func sign(_ content: UnsafeRawBufferPointer, with key: SigningKey) throws(Failure) -> [UInt8] {
        let signature = withMessage(content) { key.sign($0, as: DILITHIUM_IPD) }
        guard let signature else { throw Failure(.publishSigning, context, "the signature does not verify") }
        return signature
    }

    /// - Parameter publicKey: 1312 bytes; a key of any other length verifies nothing.
    public func verifies(
        _ signature: [UInt8], of content: UnsafeRawBufferPointer, under publicKey: [UInt8]
    ) -> Bool {
        guard publicKey.count == SigningKey.publicKeyBytes else { return false }
        return withUnsafeTemporaryAllocation(of: dilithium_key.self, capacity: 1) { key in
            guard let key = key.baseAddress else { return false }
            dilithium_prepare(key, publicKey)
            return withMessage(content) { message in
                dilithium_verify(
                    key, message, message.count, signature, signature.count, DILITHIUM_IPD.rawValue,
                    DILITHIUM_IPD.rawValue) != 0
            }
        }
    }

    /// The final standard with a context is its draft over `00 || length || context || content`.
    private func withMessage<Result>(
        _ content: UnsafeRawBufferPointer, _ body: ([dilithium_part]) -> Result
    ) -> Result {
        let prefix = [0, UInt8(context.utf8.count)] + Array(context.utf8)
        return prefix.withUnsafeBufferPointer { prefix in
            let content = content.bindMemory(to: UInt8.self)
            return body([
                dilithium_part(bytes: prefix.baseAddress, count: prefix.count),
                dilithium_part(bytes: content.baseAddress, count: content.count),
            ])
        }
    }
}
