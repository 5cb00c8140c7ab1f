public import Cryptography
public import Events
import JSON

/// What `outrigger keys generate | public | sign | verify` do: pure functions from documents to documents.
public enum KeyTool {
    /// The two ways to write a public key.
    public enum Form: String, Sendable, CaseIterable {
        /// kty PQK, alg Dilithium2, `x`.
        case pqk
        /// kty AKP, alg ML-DSA-44, `pub` (RFC 9964).
        case akp
    }

    /// The private JWK (RFC 9964), indented by nobody: it goes to a file of mode 0600.
    public static func privateDocument(_ privateKey: PrivateKey) -> [UInt8] {
        let value: JSONValue = [
            "kty": "AKP", "alg": "ML-DSA-44", "kid": .string(privateKey.keyID),
            "pub": base64URL(privateKey.key.publicKey), "priv": base64URL(privateKey.key.seed),
        ]
        return value.serialised()
    }

    /// The key set document that publishes these keys.
    public static func publicDocument(_ keys: [PrivateKey], as form: Form) -> [UInt8] {
        let keys = keys.map { key -> JSONValue in
            let bytes = base64URL(key.key.publicKey)
            let keyID = JSONValue.string(key.keyID)
            switch form {
            case .pqk: return ["kty": "PQK", "alg": "Dilithium2", "kid": keyID, "crv": "Dilithium2", "x": bytes]
            case .akp: return ["kty": "AKP", "alg": "ML-DSA-44", "kid": keyID, "use": "sig", "pub": bytes]
            }
        }
        return JSONValue.object([JSONMember("keys", .array(keys))]).serialised()
    }

    /// SHA-256 of `{"alg","kty","pub"}` in base64url (RFC 7638, RFC 9964).
    public static func thumbprint(of publicKey: [UInt8]) -> String {
        let required: JSONValue = ["alg": "ML-DSA-44", "kty": "AKP", "pub": base64URL(publicKey)]
        return String(decoding: Base64URL.encode(Hash.sha256(required.serialised()).bytes), as: UTF8.self)
    }

    /// An event's detail with its token inside. `core` is any strict JSON; it is signed in canonical form.
    ///
    /// - Throws: `publish.signing`.
    public static func signedDetail(
        core: Bytes, header: TokenHeader, with key: PrivateKey, form: TokenForm
    ) throws(Failure) -> [UInt8] {
        let canonical: [UInt8]
        do {
            canonical = try JSONDocument(core, depth: Limits.jsonDepth).root.canonical()
        } catch {
            throw Failure(.publishSigning, "detailCore", error.description)
        }
        var header = header
        header.keyID = key.keyID
        let token = try EventSigner(key, form: form).compactToken(header, payload: canonical[...])
        let trace: JSONValue = ["correlationId": .string(header.id ?? "")]
        return EventSigner.detail(trace: trace, resource: header.resource ?? "", core: canonical[...], token: token)
    }

    /// The encoded keys of a key set document in a file.
    ///
    /// - Throws: `settings.unreadable`, `keys.refused`.
    public static func publicKeys(at path: String) throws(Failure) -> [[UInt8]] {
        let bytes = try PublicFile.bytes(of: path, atMost: Limits.keySetBytes)
        return try KeySetDocument(parsing: bytes[...]).keys.map(\.bytes)
    }

    /// What a token is, and under which key and variant it verifies.
    public struct Verdict: Sendable {
        public let header: TokenHeader
        public let variant: SignatureVariant
        public let payload: Bytes
        public let isCanonical: Bool

        /// In words, for people.
        public var words: String {
            let scheme =
                switch variant {
                case .round31: "CRYSTALS-Dilithium round 3.1"
                case .ipd: "the FIPS 204 draft of 2023 (ipd)"
                case .mldsa44: "ML-DSA-44 (FIPS 204)"
                }
            let form = isCanonical ? "in RFC 8785 form" : "not in RFC 8785 form"
            let binding = header.isBound ? "bound to its event" : "not bound to an event"
            return "valid: key \(header.keyID), \(scheme); payload \(form); \(binding)"
        }
    }

    /// Verifies a token, or the token inside of a detail or an envelope, against a key set document.
    ///
    /// - Throws: `verify.*`, `keys.refused`.
    public static func verify(_ text: Bytes, keySet: Bytes) throws(Failure) -> Verdict {
        let document = try KeySetDocument(parsing: keySet)
        let token = try CompactToken(parsing: text.first == UInt8(ascii: "{") ? EventShape(parsing: text).token : text)
        let header = token.header
        guard let key = document.keys.first(where: { $0.keyID == header.keyID }) else {
            throw Failure(.verifyUnknownKey, header.keyID, "the key set does not have it")
        }
        guard key.algorithm == header.algorithm else {
            throw Failure(.verifyBadAlgorithm, header.keyID, "the key is of \(key.algorithm.rawValue)")
        }
        let check = SignatureCheck(
            key: PreparedKey(key.bytes), signature: token.signature, message: token.signingInput, preferred: 0)
        guard let variant = check.verify() else {
            throw Failure(.verifyBadSignature, header.keyID, "it verifies under no variant")
        }
        if key.algorithm == .mldsa44 && variant != .mldsa44 {
            throw Failure(.verifyProfile, header.keyID, "signed as \(variant.rawValue), ML-DSA-44 is something else")
        }
        let isCanonical = (try? JSONDocument(token.payload).root.isCanonical) ?? false
        return Verdict(header: header, variant: variant, payload: token.payload, isCanonical: isCanonical)
    }

    private static func base64URL(_ bytes: [UInt8]) -> JSONValue {
        .string(String(decoding: Base64URL.encode(bytes), as: UTF8.self))
    }
}
