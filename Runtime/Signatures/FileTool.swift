import Cryptography
public import Events

/// What `outrigger keys sign-file | verify-file` do: detached signatures beside plugins.
public enum FileTool {
    /// As large as a plugin may be.
    static let bytesAtMost = 268_435_456

    /// Where the signature of a file lies.
    public static func signaturePath(of path: String) -> String { path + ".sig" }

    /// The signature of a file (``FileSignature``).
    ///
    /// - Throws: `settings.unreadable`, `publish.signing`.
    public static func signature(of path: String, with key: PrivateKey) throws(Failure) -> [UInt8] {
        let content = try PublicFile.bytes(of: path, atMost: bytesAtMost)
        let signature = content.withUnsafeBytes { content in
            Result { () throws(Failure) in try FileSignature.sign(content, with: key.key) }
        }
        return try signature.get()
    }

    /// The id of the key that signed a file, of those in a key set document.
    ///
    /// - Throws: `settings.unreadable`, `keys.refused`, `plugin.unsigned`, `plugin.bad-signature`.
    public static func verify(_ path: String, keySet: String) throws(Failure) -> String {
        let document = try KeySetDocument(parsing: PublicFile.bytes(of: keySet, atMost: Limits.keySetBytes)[...])
        let content = try PublicFile.bytes(of: path, atMost: bytesAtMost)
        let signature: [UInt8]
        do throws(Failure) {
            signature = try PublicFile.bytes(of: signaturePath(of: path), atMost: FileSignature.bytes)
        } catch { throw Failure(.pluginUnsigned, path, error.cause) }
        let key = document.keys.first { key in
            content.withUnsafeBytes { FileSignature.verifies(signature, of: $0, under: key.bytes) }
        }
        guard let key else { throw Failure(.pluginBadSignature, path, "by none of the keys for this file") }
        return key.keyID
    }
}
