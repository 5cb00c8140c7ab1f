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

/// `<header>.<payload>.<signature>`: a JWS in compact form (RFC 7515, section 7.1), read strictly, not yet verified. A
/// reference, since it is passed on with all that it holds.
public final class CompactToken: Sendable {
    public let header: TokenHeader
    /// What was signed: `<header>.<payload>` as it was transmitted; a slice of the given text.
    public let signingInput: Bytes
    /// The payload, decoded.
    public let payload: Bytes
    public let signature: [UInt8]
    /// True if the event's detailCore stands in its body as the bytes that were signed. The payload is a slice of the
    /// body then: nobody keeps them twice.
    let isWritten: Bool

    /// - Throws: `verify.malformed`, `verify.bad-algorithm`, `verify.bad-length`.
    public convenience init(parsing text: Bytes) throws(Failure) { try self.init(parsing: text, beside: nil) }

    /// - Parameter core: the detailCore that the token came with.
    init(parsing text: Bytes, beside core: JSONNode?) throws(Failure) {
        guard let parts = Parts(of: text) else {
            throw Failure(.verifyMalformed, "token", "not three parts, each of something")
        }
        guard let size = Base64URL.decodedCount(parts.header.count), size <= Limits.tokenHeaderBytes,
            let header = Base64URL.decode(text, parts.header)
        else { throw Failure(.verifyMalformed, "token header", "not base64url, or too long") }
        let said = try TokenHeader(parsing: header)
        guard Base64URL.decodedCount(parts.signature.count) == Self.signatureBytes else {
            throw Failure(.verifyBadLength, "token signature", "not of \(Self.signatureBytes) bytes")
        }
        guard let signature = Base64URL.decode(text, parts.signature) else {
            throw Failure(.verifyMalformed, "token signature", "not base64url")
        }
        guard let decoded = Base64URL.decode(text, parts.payload)?[...] else {
            throw Failure(.verifyMalformed, "token payload", "not base64url")
        }
        if let core, core.isWritten(decoded) {
            isWritten = true
            payload = core.raw
        } else {
            isWritten = false
            payload = decoded
        }
        self.header = said
        self.signature = signature
        signingInput = text[..<parts.payload.upperBound]
    }

    /// Where that stands which is before, between and behind the two full stops.
    private struct Parts {
        let header: Range<Int>
        let payload: Range<Int>
        let signature: Range<Int>

        init?(of text: Bytes) {
            guard let first = Self.stop(in: text, from: text.startIndex),
                let last = Self.stop(in: text, from: first + 1), Self.stop(in: text, from: last + 1) == nil
            else { return nil }
            header = text.startIndex..<first
            payload = first + 1..<last
            signature = last + 1..<text.endIndex
            guard !header.isEmpty, !payload.isEmpty, !signature.isEmpty else { return nil }
        }

        private static func stop(in text: Bytes, from place: Int) -> Int? {
            text.withUnsafeBytes { bytes in
                let skipped = place - text.startIndex
                guard let start = bytes.baseAddress, let stop = memchr(start + skipped, 0x2E, bytes.count - skipped)
                else { return nil }
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
        let algorithm = TokenAlgorithm.known.first { members.isString(Member.alg.rawValue, $0.rawValue) }
        guard let algorithm else {
            throw Failure(.verifyBadAlgorithm, "token header", "alg is neither Dilithium2 nor ML-DSA-44")
        }
        guard let keyID = members.string(Member.kid.rawValue, where: { Identifier.isKeyID($0) }) else {
            throw Failure(.verifyMalformed, "token header", "kid is missing, too long, or not visible ASCII")
        }
        self.algorithm = algorithm
        self.keyID = keyID
        signedAt = try Self.signedAt(members, algorithm)
        source = try Self.text(.src, in: members)
        detailType = try Self.text(.dt, in: members)
        resource = try Self.text(.res, in: members)
        id = try Self.text(.jti, in: members)
        if let id, id.isEmpty { throw Failure(.verifyMalformed, "token header", "jti is empty") }
        if algorithm == .dilithium2 { try Self.requireProfile(members) }
    }

    private static func requireProfile(_ members: NamedMembers) throws(Failure) {
        guard members.isString(Member.typ.rawValue, type) else {
            throw Failure(.verifyBadAlgorithm, "token header", "typ is not \(type)")
        }
        guard members.isString(Member.hash.rawValue, hash) else {
            throw Failure(.verifyBadAlgorithm, "token header", "hash is not \(hash)")
        }
    }

    private static func signedAt(_ members: NamedMembers, _ algorithm: TokenAlgorithm) throws(Failure) -> Instant? {
        if members.has(Member.ts.rawValue) {
            guard let instant = members.stringBytes(Member.ts.rawValue).flatMap({ Timestamp.parse($0) }) else {
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
        guard members.has(member.rawValue) else { return nil }
        guard let text = members.string(member.rawValue, where: { Identifier.isText($0) }) else {
            throw Failure(.verifyMalformed, "token header", "\(member) is no short text without control characters")
        }
        return text
    }
}

extension TokenAlgorithm {
    fileprivate static let known = TokenAlgorithm.allCases

    /// Only the very bytes count: `ml-dsa-44` is not an algorithm.
    init?(exactly name: String) {
        guard let match = Self.known.first(where: { $0.rawValue.hasSameBytes(as: name) }) else { return nil }
        self = match
    }
}
