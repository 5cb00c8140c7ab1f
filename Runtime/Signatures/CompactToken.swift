public import Events
import Glibc
import JSON

/// The two ways a token may name its algorithm.
public enum TokenAlgorithm: String, Sendable, CaseIterable {
    /// A house's own name for what may be any of three variants; the key set's profile says which.
    case dilithium2 = "Dilithium2"
    /// RFC 9964: FIPS 204, final, and nothing else.
    case mldsa44 = "ML-DSA-44"
}

/// What a token says of itself. Signed, but not yet believed.
public struct TokenHeader: Sendable, Hashable {
    public var algorithm: TokenAlgorithm
    public var keyID: String
    /// `ts`, or `iat` of an RFC 9964 token.
    public var signedAt: Instant?
    /// `src`, `dt`, `res`, `jti`: what binds the token to its envelope. `nil` where the token does not say.
    public var source: String?
    public var detailType: String?
    public var resource: String?
    public var id: String?

    public init(
        algorithm: TokenAlgorithm, keyID: String, signedAt: Instant?, source: String? = nil,
        detailType: String? = nil, resource: String? = nil, id: String? = nil
    ) {
        self.algorithm = algorithm
        self.keyID = keyID
        self.signedAt = signedAt
        self.source = source
        self.detailType = detailType
        self.resource = resource
        self.id = id
    }

    public static let type = "QSL-JWS-PQC"
    public static let hash = "SHA-256"

    /// True if the token says all of source, detail type, resource and id.
    public var isBound: Bool { source != nil && detailType != nil && resource != nil && id != nil }
}

/// `<header>.<payload>.<signature>`: a JWS in compact form (RFC 7515, section 7.1), read strictly, not yet verified.
public struct CompactToken: Sendable {
    public let header: TokenHeader
    /// What was signed: `<header>.<payload>` as it was transmitted; a slice of the given text.
    public let signingInput: Bytes
    /// The payload, decoded.
    public let payload: Bytes
    public let signature: [UInt8]

    /// - Throws: `verify.malformed`, `verify.bad-algorithm`, `verify.bad-length`.
    public init(parsing text: Bytes) throws(Failure) {
        guard let parts = Parts(of: text) else {
            throw Failure(.verifyMalformed, "token", "not three parts, each of something")
        }
        guard let size = Base64URL.decodedCount(parts.header.count), size <= Limits.tokenHeaderBytes,
            let header = Base64URL.decode(parts.header)
        else { throw Failure(.verifyMalformed, "token header", "not base64url, or too long") }
        self.header = try TokenHeader(parsing: header)
        guard Base64URL.decodedCount(parts.signature.count) == Self.signatureBytes else {
            throw Failure(.verifyBadLength, "token signature", "not of \(Self.signatureBytes) bytes")
        }
        guard let signature = Base64URL.decode(parts.signature) else {
            throw Failure(.verifyMalformed, "token signature", "not base64url")
        }
        guard let payload = Base64URL.decode(parts.payload) else {
            throw Failure(.verifyMalformed, "token payload", "not base64url")
        }
        self.payload = payload[...]
        self.signature = signature
        signingInput = text[..<parts.payload.endIndex]
    }

    /// What stands before, between and behind the two full stops.
    private struct Parts {
        let header: Bytes
        let payload: Bytes
        let signature: Bytes

        init?(of text: Bytes) {
            guard let first = Self.stop(in: text), let last = Self.stop(in: text[(first + 1)...]),
                Self.stop(in: text[(last + 1)...]) == nil
            else { return nil }
            header = text[..<first]
            payload = text[(first + 1)..<last]
            signature = text[(last + 1)...]
            guard !header.isEmpty, !payload.isEmpty, !signature.isEmpty else { return nil }
        }

        private static func stop(in text: Bytes) -> Int? {
            text.withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress, let stop = memchr(start, 0x2E, bytes.count) else { return nil }
                return text.startIndex + (UnsafeRawPointer(stop) - start)
            }
        }
    }

    /// FIPS 204, table 2, ML-DSA-44.
    public static let signatureBytes = 2420
    public static let publicKeyBytes = 1312
}

extension TokenHeader {
    /// Members that would change what is verified, or with which key. RFC 7515, section 4.1; RFC 7797.
    private static let refused: [StaticString] = [
        "crit", "b64", "zip", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256",
    ]
    /// Members that are read, under their own names.
    private enum Member: Int { case alg, kid, typ, hash, ts, iat, src, dt, res, jti }
    /// First those that are read, then those that are refused.
    private static let names = MemberNames(
        ["alg", "kid", "typ", "hash", "ts", "iat", "src", "dt", "res", "jti"] + refused)

    /// Members that we do not know are ignored, as RFC 7515 wants it: none that matters can be missed, since `crit`
    /// is refused.
    /// - Throws: `verify.malformed`, `verify.bad-algorithm`.
    init(parsing bytes: [UInt8]) throws(Failure) {
        let root: JSONNode
        do {
            root = try JSONDocument(bytes, depth: 4).root
        } catch {
            throw Failure(.verifyMalformed, "token header", error.description)
        }
        guard root.kind == .object else { throw Failure(.verifyMalformed, "token header", "not an object") }
        let members = root.members(Self.names)
        for (place, name) in Self.refused.enumerated() where members.has(Member.jti.rawValue + 1 + place) {
            throw Failure(.verifyMalformed, "token header", "\(name) is not allowed")
        }
        guard let name = members[Member.alg.rawValue]?.string, let algorithm = TokenAlgorithm(exactly: name) else {
            throw Failure(.verifyBadAlgorithm, "token header", "alg is neither Dilithium2 nor ML-DSA-44")
        }
        guard let kid = members[Member.kid.rawValue]?.stringBytes, Identifier.isKeyID(kid) else {
            throw Failure(.verifyMalformed, "token header", "kid is missing, too long, or not visible ASCII")
        }
        self.algorithm = algorithm
        keyID = kid.text
        signedAt = try Self.signedAt(members, algorithm)
        source = try Self.text(.src, in: members)
        detailType = try Self.text(.dt, in: members)
        resource = try Self.text(.res, in: members)
        id = try Self.text(.jti, in: members)
        if let id, id.isEmpty { throw Failure(.verifyMalformed, "token header", "jti is empty") }
        if algorithm == .dilithium2 { try Self.requireProfile(members) }
    }

    private static func requireProfile(_ members: NamedMembers) throws(Failure) {
        guard members[Member.typ.rawValue]?.isString(type) == true else {
            throw Failure(.verifyBadAlgorithm, "token header", "typ is not \(type)")
        }
        guard members[Member.hash.rawValue]?.isString(hash) == true else {
            throw Failure(.verifyBadAlgorithm, "token header", "hash is not \(hash)")
        }
    }

    private static func signedAt(_ members: NamedMembers, _ algorithm: TokenAlgorithm) throws(Failure) -> Instant? {
        if let node = members[Member.ts.rawValue] {
            guard let instant = node.stringBytes.flatMap({ Timestamp.parse($0) }) else {
                throw Failure(.verifyMalformed, "token header", "ts is not ISO 8601 in UTC")
            }
            return instant
        }
        guard algorithm == .mldsa44, let node = members[Member.iat.rawValue] else { return nil }
        // Seconds up to the year 9999: milliseconds by mistake lie far beyond.
        guard let seconds = node.int, (0...253_402_300_799).contains(seconds) else {
            throw Failure(.verifyMalformed, "token header", "iat is not a number of seconds")
        }
        return Instant(unixSeconds: seconds)
    }

    private static func text(_ member: Member, in members: NamedMembers) throws(Failure) -> String? {
        guard let node = members[member.rawValue] else { return nil }
        guard let bytes = node.stringBytes, Identifier.isText(bytes) else {
            throw Failure(.verifyMalformed, "token header", "\(member) is no short text without control characters")
        }
        return bytes.text
    }
}

extension TokenAlgorithm {
    private static let known = TokenAlgorithm.allCases

    /// Only the very bytes count: `ml-dsa-44` is not an algorithm.
    init?(exactly name: String) {
        guard let match = Self.known.first(where: { $0.rawValue.hasSameBytes(as: name) }) else { return nil }
        self = match
    }
}
