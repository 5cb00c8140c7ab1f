import Cryptography
@_spi(Verification) public import Events
import JSON
public import Pipeline

/// Turns envelopes into events: the only place where bytes begin to be believed.
///
/// Cheap checks come first, so that a forger costs us one verification at most: shape, token, header, key, lengths,
/// skew; then the signatures of all that are left, side by side; then what depends on them: canonical form, binding,
/// authority.
public final class EventVerifier: Verifier {
    /// The issuer of ids that the bus minted. No key set may bear this name.
    public static let envelopeIssuer = "envelope"

    private let keySets: [KeySetSource]
    private let options: VerifyOptions
    private let boundRoutes: [(source: NamePattern, detailType: NamePattern)]
    private let clock: any WallClock
    private let prepared = PreparedKeys()

    public init(keySets: [KeySetSource], options: VerifyOptions, clock: any WallClock) {
        self.keySets = keySets
        self.options = options
        self.clock = clock
        boundRoutes = options.requireBinding.map { (NamePattern($0.source), NamePattern($0.detailType)) }
    }

    public func verify(_ envelopes: [Envelope]) async -> [Result<Event, Failure>] {
        let now = clock.now
        let snapshots = keySets.map { $0.snapshot(at: now) }
        let claims = envelopes.map { envelope in
            Result { () throws(Failure) in try claim(of: envelope, with: snapshots) }
        }
        let variants = SignatureCheck.verify(claims.compactMap { try? $0.get().check })
        var verdicts = variants.makeIterator()
        let believed = claims.map { claim in
            Result { () throws(Failure) in
                let claim = try claim.get()
                try believe(claim, signedAs: verdicts.next() ?? nil)
                return claim
            }
        }
        var digests = Hash.sha256(each: believed.compactMap { try? $0.get().token.payload })[...]
        return believed.map { claim in claim.map { event(of: $0, digests.removeFirst()) } }
    }

    /// What an envelope says, once it has passed all that is cheaper than its signature. Not yet believed. A reference,
    /// since it is passed on with all that it holds.
    private final class Claim {
        let envelope: Envelope
        let shape: EventShape
        let token: CompactToken
        let source: String
        let detailType: String
        let signedAt: Instant
        let issuer: Issuer
        let check: SignatureCheck

        init(
            _ envelope: Envelope, _ shape: EventShape, _ token: CompactToken, from source: String,
            _ detailType: String, signedAt: Instant, by issuer: Issuer, _ check: SignatureCheck
        ) {
            self.envelope = envelope
            self.shape = shape
            self.token = token
            self.source = source
            self.detailType = detailType
            self.signedAt = signedAt
            self.issuer = issuer
            self.check = check
        }
    }

    private func claim(of envelope: Envelope, with snapshots: [KeySetSnapshot]) throws(Failure) -> Claim {
        let shape = try EventShape(parsing: envelope.body)
        let token = try CompactToken(parsing: shape.token)
        let header = token.header
        guard let source = shape.source ?? header.source, let detailType = shape.detailType ?? header.detailType else {
            throw Failure(.verifyBinding, header.keyID, "no envelope and no token says source and detail type")
        }
        guard let signedAt = header.signedAt else {
            throw Failure(.verifyMalformed, "token header", "it says no time")
        }
        guard let issuer = try issuer(of: header, signedAt: signedAt, for: source, in: snapshots) else {
            throw Failure(.verifyUnknownKey, header.keyID, "no key set for \(source) has it")
        }
        guard issuer.key.algorithm == header.algorithm else {
            throw Failure(.verifyBadAlgorithm, header.keyID, "the key is of \(issuer.key.algorithm.rawValue)")
        }
        guard signedAt <= envelope.sentAt + options.skewAhead else {
            throw Failure(.verifySkew, header.keyID, "signed after the queue had it")
        }
        return Claim(
            envelope, shape, token, from: source, detailType, signedAt: signedAt, by: issuer,
            check(of: token, by: issuer))
    }

    private func believe(_ claim: Claim, signedAs variant: SignatureVariant?) throws(Failure) {
        let source = claim.issuer.source
        try believe(variant, of: claim.issuer)
        try verifyPayload(of: claim, source.options.canonical)
        try verifyBinding(of: claim, isRequired: source.options.requireBinding)
        guard source.speaks(for: claim.source) else {
            throw Failure(
                .verifyNotAuthorised, claim.token.header.keyID, "its key set may not speak for \(claim.source)")
        }
    }

    private func event(of claim: Claim, _ payloadDigest: Digest) -> Event {
        let token = claim.token
        let digest = token.header.id == nil ? Hash.sha256(token.signingInput) : nil
        return Event(
            id: id(of: claim, digest), tokenDigest: digest, payloadDigest: payloadDigest, source: claim.source,
            detailType: claim.detailType, resource: claim.shape.resource, detail: token.payload,
            keyID: token.header.keyID, signedAt: claim.signedAt, isBound: token.header.isBound,
            trace: claim.shape.trace(claim.envelope.attributes))
    }

    // MARK: the key

    private struct Issuer {
        let source: KeySetSource
        let key: VerificationKey
    }

    /// The key set that has the key: one that may speak for the source if there is one, else any, so that a stranger's
    /// valid signature is told from a forged one.
    private func issuer(
        of header: TokenHeader, signedAt: Instant, for source: String, in snapshots: [KeySetSnapshot]
    ) throws(Failure) -> Issuer? {
        var stranger: Issuer?
        var unavailable: KeySetSource?
        var asked: [KeySetSource] = []
        for (keySet, snapshot) in zip(keySets, snapshots) {
            let speaks = keySet.speaks(for: source)
            if !snapshot.isUsable {
                if speaks { unavailable = keySet }
                continue
            }
            switch snapshot.key(header.keyID, signedAt: signedAt, ahead: options.skewAhead) {
            case .found(let key) where speaks: return Issuer(source: keySet, key: key)
            case .found(let key): stranger = Issuer(source: keySet, key: key)
            case .revoked where speaks: throw Failure(.verifyNotAuthorised, header.keyID, "the key is revoked")
            case .unknown where speaks: asked.append(keySet)
            case .revoked, .unknown: continue
            }
        }
        if let unavailable {
            throw Failure(.verifyKeysUnavailable, unavailable.options.name, "no document, or one that is too old")
        }
        if let stranger { return stranger }
        for keySet in asked { keySet.wantsKey() }
        return nil
    }

    // MARK: what was signed

    private func profile(of issuer: Issuer) -> SignatureProfile {
        issuer.key.algorithm == .mldsa44 ? .mldsa44 : issuer.source.options.profile
    }

    private func check(of token: CompactToken, by issuer: Issuer) -> SignatureCheck {
        let pinned = profile(of: issuer).variant
        return SignatureCheck(
            key: prepared.prepared(issuer.key, of: issuer.source.options.name), signature: token.signature,
            message: token.signingInput, preferred: pinned?.identifier ?? issuer.key.variants.preferred)
    }

    private func believe(_ variant: SignatureVariant?, of issuer: Issuer) throws(Failure) {
        let key = issuer.key
        guard let variant else { throw Failure(.verifyBadSignature, key.keyID, "it verifies under no variant") }
        let profile = profile(of: issuer)
        guard profile.allows(variant) else {
            throw Failure(
                .verifyProfile, key.keyID, "signed as \(variant.rawValue), allowed is \(profile.rawValue)")
        }
        if key.variants.note(variant.identifier) { issuer.source.noteSecondVariant(key.keyID, variant) }
    }

    private func verifyPayload(of claim: Claim, _ rule: CanonicalRule) throws(Failure) {
        let core = claim.shape.detailCore
        // The same bytes, read strictly with the body.
        if core.isWritten(claim.token.payload) {
            guard rule == .asSigned || core.isCanonical else { throw Self.notCanonical(claim.token.header.keyID) }
            return
        }
        let subject = claim.token.header.keyID
        let payload: JSONNode
        do {
            payload = try JSONDocument(claim.token.payload, depth: Limits.jsonDepth).root
        } catch {
            throw Failure(.verifyNotCanonical, subject, "the payload is no strict JSON: \(error)")
        }
        let isSame: Bool
        switch rule {
        case .strict:
            guard payload.isCanonical else { throw Self.notCanonical(subject) }
            isSame = core.isCanonically(claim.token.payload)
        case .asSigned: isSame = core.says(theSameAs: payload)
        }
        if !isSame { throw Failure(.verifyPayloadMismatch, subject, "detailCore is not what was signed") }
    }

    private static func notCanonical(_ subject: String) -> Failure {
        Failure(.verifyNotCanonical, subject, "the payload is not in RFC 8785 form")
    }

    // MARK: what it was signed for

    private func verifyBinding(of claim: Claim, isRequired: Bool) throws(Failure) {
        func compare(_ name: StaticString, _ signed: String?, _ given: String) throws(Failure) {
            guard let signed, !signed.hasSameBytes(as: given) else { return }
            throw Failure(.verifyBinding, claim.token.header.keyID, "\(name) is not what the envelope says")
        }
        try compare("src", claim.token.header.source, claim.source)
        try compare("dt", claim.token.header.detailType, claim.detailType)
        try compare("res", claim.token.header.resource, claim.shape.resource)
        let isRequired =
            isRequired
            || boundRoutes.contains { $0.source.matches(claim.source) && $0.detailType.matches(claim.detailType) }
        if isRequired && !claim.token.header.isBound {
            throw Failure(.verifyBinding, claim.token.header.keyID, "src, dt, res and jti are required")
        }
    }

    private func id(of claim: Claim, _ digest: Digest?) -> EventID {
        let issuer = claim.issuer.source.options.name
        if let id = claim.token.header.id { return EventID(issuer: issuer, text: id) }
        if let id = claim.shape.id { return EventID(issuer: Self.envelopeIssuer, text: id) }
        return EventID(issuer: issuer, text: digest?.hexadecimal ?? "")
    }
}
