public import Cryptography
public import Events
import Glibc
import JSON

/// A signing key and its id, as a JWK of RFC 9964 holds them: kty AKP, alg ML-DSA-44, `priv` the seed of 32 bytes.
public struct PrivateKey: Sendable {
    public let keyID: String
    public let key: SigningKey

    /// - Parameter keyID: `nil` for the key's thumbprint (RFC 7638, RFC 9964).
    /// - Throws: `settings.invalid` for an id that is not of visible ASCII.
    public init(_ key: SigningKey, keyID: String? = nil) throws(Failure) {
        let keyID = keyID ?? KeyTool.thumbprint(of: key.publicKey)
        guard Identifier.isKeyID(Bytes(keyID)) else {
            throw Failure(.settingsInvalid, "kid", "must be of visible ASCII, at most \(Limits.identifierBytes)")
        }
        self.key = key
        self.keyID = keyID
    }

    /// - Throws: `settings.invalid`; the cause never holds any of the document.
    public init(parsing document: Bytes) throws(Failure) {
        guard let root = try? JSONDocument(document, depth: 4).root, root["kty"]?.isString("AKP") == true,
            root["alg"]?.isString("ML-DSA-44") == true
        else { throw Failure(.settingsInvalid, "signing key", "not a JWK with kty AKP and alg ML-DSA-44") }
        guard let seed = root["priv"]?.stringBytes.flatMap({ Base64URL.decode($0) }) else {
            throw Failure(.settingsInvalid, "signing key", "it has no `priv` in base64url")
        }
        let key = try SigningKey(seed: seed)
        if let text = root["pub"]?.stringBytes, Base64URL.decode(text) != key.publicKey {
            throw Failure(.settingsInvalid, "signing key", "`pub` and `priv` are of two keys")
        }
        try self.init(key, keyID: root["kid"]?.string)
    }

    /// Reads a file that others can neither read nor write: mode 0600, 0400 or 0440 (a secret shared by group).
    ///
    /// - Throws: `settings.unreadable`, `settings.invalid`.
    public static func load(from path: String) throws(Failure) -> PrivateKey {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Failure(.settingsUnreadable, path, String(cString: strerror(errno))) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.settingsUnreadable, path, "not a file")
        }
        guard status.st_mode & 0o027 == 0 else {
            throw Failure(.settingsInvalid, path, "others may read or change it: chmod 600")
        }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count = read(file, &buffer, buffer.count)
        guard count > 0, count < buffer.count else {
            throw Failure(.settingsUnreadable, path, "empty, or larger than a key is")
        }
        return try PrivateKey(parsing: buffer[..<count])
    }
}
