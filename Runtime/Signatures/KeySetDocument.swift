import Events
import JSON

/// A key set document: `{"keys": [...]}` (RFC 7517) with keys of two forms, never mixed in one key.
///
///     {"kty":"PQK","alg":"Dilithium2","crv":"Dilithium2","kid":"sigsvc-2025-09","x":"<b64url>"}
///     {"kty":"AKP","alg":"ML-DSA-44","kid":"...","pub":"<b64url>"}                                (RFC 9964)
///
/// One bad key refuses the whole document: half a key set would turn a publisher's slip into refused events.
struct KeySetDocument: Sendable {
    /// In the order of the document; at least one.
    let keys: [VerificationKey]

    /// - Throws: `keys.refused`.
    init(parsing bytes: Bytes) throws(Failure) {
        guard bytes.count <= Limits.keySetBytes else { throw Self.refused("larger than \(Limits.keySetBytes) bytes") }
        let root: JSONNode
        do {
            root = try JSONDocument(bytes, depth: 8).root
        } catch {
            throw Self.refused(error.description)
        }
        guard let members = root["keys"], members.kind == .array else { throw Self.refused("it has no array `keys`") }
        guard members.count <= Limits.keysPerSet else { throw Self.refused("more than \(Limits.keysPerSet) keys") }
        var keys: [VerificationKey] = []
        var names: Set<String> = []
        for node in members.elements {
            guard node.kind == .object else { throw Self.refused("a key is not an object") }
            if let name = Self.privateMembers.first(where: { node[$0] != nil }) {
                throw Self.refused("a key has the private member `\(name)`: treat it as lost")
            }
            if let name = node["kid"]?.string, !names.insert(name).inserted {
                throw Self.refused("two keys have one kid")
            }
            if let key = try Self.key(node) { keys.append(key) }
        }
        guard !keys.isEmpty else { throw Self.refused("it has no key that we can use") }
        self.keys = keys
    }

    /// Private parts of the key types of RFC 7518, RFC 8037 and RFC 9964.
    private static let privateMembers = ["priv", "d", "s", "k", "p", "q", "dp", "dq", "qi", "oth", "seed"]

    /// A key of other types, algorithms or uses is none of ours: `nil`, as RFC 7517, section 5 wants it.
    private static func key(_ node: JSONNode) throws(Failure) -> VerificationKey? {
        if let use = node["use"], !use.isString("sig") { return nil }
        guard let algorithm = try algorithm(of: node) else { return nil }
        switch algorithm {
        case .dilithium2:
            guard node["crv"]?.isString("Dilithium2") == true else { throw refused("a key whose crv is not its alg") }
            guard node["pub"] == nil else { throw refused("a PQK key with the member `pub`") }
        case .mldsa44:
            guard node["x"] == nil, node["crv"] == nil else { throw refused("an AKP key with members of another type") }
        }
        let member = algorithm == .dilithium2 ? "x" : "pub"
        guard let kid = node["kid"]?.stringBytes, Identifier.isKeyID(kid) else {
            throw refused("a kid is missing, too long, or not visible ASCII")
        }
        guard let text = node[member]?.stringBytes, let bytes = Base64URL.decode(text) else {
            throw refused("key \(kid.text): `\(member)` is not base64url")
        }
        guard bytes.count == CompactToken.publicKeyBytes else {
            throw refused("key \(kid.text): \(bytes.count) bytes instead of \(CompactToken.publicKeyBytes)")
        }
        return VerificationKey(keyID: kid.text, algorithm: algorithm, bytes: bytes)
    }

    /// By their very bytes: strings that Unicode calls the same are two names here.
    private static func algorithm(of node: JSONNode) throws(Failure) -> TokenAlgorithm? {
        let isHouse = node["kty"]?.isString("PQK") == true
        guard isHouse || node["kty"]?.isString("AKP") == true else { return nil }
        guard let name = node["alg"]?.string else { throw refused("a key without alg") }
        guard let algorithm = TokenAlgorithm(exactly: name) else { return nil }
        guard isHouse == (algorithm == .dilithium2) else { throw refused("a key whose alg is not of its kty") }
        return algorithm
    }

    private static func refused(_ cause: String) -> Failure { Failure(.keysRefused, "key set", cause) }
}
