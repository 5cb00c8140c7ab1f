public import Cryptography
public import Events
import JSON
public import Pipeline

/// How our tokens look to their readers.
public enum TokenForm: Sendable, Hashable {
    /// `alg` Dilithium2, `typ` QSL-JWS-PQC, in the variant that the readers know.
    case dilithium2(SignatureVariant)
    /// RFC 9964: `alg` ML-DSA-44.
    case mldsa44
}

/// Makes the detail of a published event, with its token inside.
///
/// The token binds the event: source, detail type, resource and the publication's id are signed, too.
public struct EventSigner: Signer {
    private let privateKey: PrivateKey
    private let form: TokenForm
    private let bench = SigningBench()

    public init(_ privateKey: PrivateKey, form: TokenForm) {
        self.privateKey = privateKey
        self.form = form
    }

    public func sign(_ publication: Publication, at now: Instant) async throws(Failure) -> SignedPublication {
        try await bench.perform { self.signed(publication, at: now) }.get()
    }

    private func signed(_ publication: Publication, at now: Instant) -> Result<SignedPublication, Failure> {
        do throws(Failure) { return .success(try make(publication, at: now)) } catch { return .failure(error) }
    }

    private func make(_ publication: Publication, at now: Instant) throws(Failure) -> SignedPublication {
        let draft = publication.draft
        let header = TokenHeader(
            algorithm: form.algorithm, keyID: privateKey.keyID, signedAt: now, source: draft.source,
            detailType: draft.detailType, resource: draft.resource, id: publication.id)
        let token = try compactToken(header, payload: draft.detail)
        let detail = Self.detail(
            trace: Self.trace(publication), resource: draft.resource, core: draft.detail, token: token)
        return SignedPublication(publication: publication, detail: detail[...], signedAt: now)
    }

    /// `<header>.<payload>.<signature>` over a payload that is in canonical form. About half a millisecond.
    /// - Throws: `publish.signing`.
    public func compactToken(_ header: TokenHeader, payload: Bytes) throws(Failure) -> [UInt8] {
        guard let node = try? JSONDocument(payload, depth: Limits.jsonDepth).root, node.isCanonical else {
            throw Failure(.publishSigning, header.id ?? "", "its detail is not in RFC 8785 form")
        }
        let input = Base64URL.encode(header.json(form).serialised()) + [dot] + Base64URL.encode(payload)
        let signature = try privateKey.key.sign(input, as: form.variant)
        return input + [dot] + Base64URL.encode(signature)
    }

    /// The bytes of the detail that a publication becomes, before it is signed.
    /// - Parameter keyID: of the key that will sign it.
    public static func detailBytes(of publication: Publication, keyID: String, form: TokenForm) -> Int {
        let draft = publication.draft
        let header = TokenHeader(
            algorithm: form.algorithm, keyID: keyID, signedAt: publication.committedAt, source: draft.source,
            detailType: draft.detailType, resource: draft.resource, id: publication.id)
        let unsigned = detail(trace: trace(publication), resource: draft.resource, core: draft.detail, token: [])
        let parts = [header.json(form).serialised().count, draft.detail.count, CompactToken.signatureBytes]
        return unsigned.count + parts.map { Base64URL.encodedCount($0) }.reduce(2, +)
    }

    private var dot: UInt8 { UInt8(ascii: ".") }

    static func detail(trace: JSONValue, resource: String, core: Bytes, token: [UInt8]) -> [UInt8] {
        var bytes = Array(#"{"version":"v1","trace":"#.utf8)
        bytes += trace.serialised()
        bytes += Array(#","resource":"#.utf8) + JSONValue.string(resource).serialised()
        bytes += Array(#","detailCore":"#.utf8) + core
        bytes += Array(#","sig_compact":""#.utf8) + token + Array(#""}"#.utf8)
        return bytes
    }

    static func trace(_ publication: Publication) -> JSONValue {
        let trace = publication.trace
        let correlation = publication.draft.correlationID
        var value: JSONValue = [
            "correlationId": .string(correlation.isEmpty ? trace.correlationID : correlation),
            "userId": .string(trace.userID), "tenantId": .string(trace.tenantID), "deviceId": .string(trace.deviceID),
        ]
        if !trace.parent.isEmpty { value["traceparent"] = .string(trace.parent) }
        return value
    }
}

extension TokenForm {
    var algorithm: TokenAlgorithm { if case .mldsa44 = self { .mldsa44 } else { .dilithium2 } }
    var variant: SignatureVariant { if case .dilithium2(let variant) = self { variant } else { .mldsa44 } }
}

extension TokenHeader {
    func json(_ form: TokenForm) -> JSONValue {
        var value: JSONValue = ["alg": .string(form.algorithm.rawValue), "kid": .string(keyID)]
        if let signedAt {
            switch form {
            case .dilithium2:
                value["ts"] = .string(Timestamp.text(of: signedAt))
                value["hash"] = .string(Self.hash)
                value["typ"] = .string(Self.type)
            case .mldsa44: value["iat"] = .integer(signedAt.unixMilliseconds / 1000)
            }
        }
        for (name, text) in [("src", source), ("dt", detailType), ("res", resource), ("jti", id)] {
            if let text { value[name] = .string(text) }
        }
        return value
    }
}
