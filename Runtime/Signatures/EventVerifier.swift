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
        var claims: [Result<Claim, Failure>] = []
        claims.reserveCapacity(envelopes.count)
        var checks: [SignatureCheck] = []
        checks.reserveCapacity(envelopes.count)
        for envelope in envelopes {
            do throws(Failure) {
                let claim = try claim(of: envelope, with: snapshots)
                checks.append(claim.check)
                claims.append(.success(claim))
            } catch {
                claims.append(.failure(error))
            }
        }
        var variants = SignatureCheck.verify(checks).makeIterator()
        var payloads: [Bytes] = []
        payloads.reserveCapacity(checks.count)
        for place in claims.indices {
            guard case .success(let claim) = claims[place] else { continue }
            do throws(Failure) {
                try believe(claim, signedAs: variants.next() ?? nil)
                payloads.append(claim.token.payload)
            } catch {
                claims[place] = .failure(error)
            }
        }
        var digests = Hash.sha256(each: payloads)[...]
        return claims.indices.map { place in
            claims[place].map { event(of: $0, digests.removeFirst(), envelopes[place].attributes) }
        }
    }

    private func claim(of envelope: Envelope, with snapshots: [KeySetSnapshot]) throws(Failure) -> Claim {
        let shape = try EventShape(parsing: envelope.body)
        let token = try CompactToken(parsing: shape.token, beside: shape.detailCore)
        let source = Self.text(shape.source, token.header.source) ?? token.header.source
        let detailType = Self.text(shape.detailType, token.header.detailType) ?? token.header.detailType
        guard let source, let detailType else {
            throw Failure(
                .verifyBinding, token.header.keyID, "no envelope and no token says source and detail type")
        }
        guard let signedAt = token.header.signedAt else {
            throw Failure(.verifyMalformed, "token header", "it says no time")
        }
        guard let issuer = try issuer(of: token.header.keyID, signedAt: signedAt, for: source, in: snapshots) else {
            throw Failure(.verifyUnknownKey, token.header.keyID, "no key set for \(source) has it")
        }
        guard issuer.key.algorithm == token.header.algorithm else {
            throw Failure(
                .verifyBadAlgorithm, token.header.keyID, "the key is of \(issuer.key.algorithm.rawValue)")
        }
        guard signedAt <= envelope.sentAt + options.skewAhead else {
            throw Failure(.verifySkew, token.header.keyID, "signed after the queue had it")
        }
        let resource = Self.text(shape.resource, token.header.resource) ?? ""
        let key = prepared.prepared(issuer.key, of: issuer.source.options.name)
        return Claim(shape, token, from: source, detailType, resource, signedAt: signedAt, by: issuer, key)
    }

    /// What the envelope says, if it does: where the token says the same, its text is taken, and none is made.
    private static func text(_ node: JSONNode?, _ signed: String?) -> String? {
        if let signed, let node, node.isString(signed) { return signed }
        return node?.string
    }

    private func believe(_ claim: Claim, signedAs variant: SignatureVariant?) throws(Failure) {
        let source = claim.issuer.source
        try believe(variant, of: claim.issuer)
        try verifyPayload(of: claim, source.options.canonical)
        try verifyBinding(of: claim, isRequired: source.options.requireBinding)
        guard claim.issuer.speaks else {
            throw Failure(
                .verifyNotAuthorised, claim.token.header.keyID, "its key set may not speak for \(claim.source)")
        }
    }

    private func event(of claim: Claim, _ payloadDigest: Digest, _ attributes: [Attribute]) -> Event {
        let digest = claim.token.header.id == nil ? Hash.sha256(claim.token.signingInput) : nil
        return Event(
            id: id(of: claim, digest), tokenDigest: digest, payloadDigest: payloadDigest, source: claim.source,
            detailType: claim.detailType, resource: claim.resource, detail: claim.token.payload,
            keyID: claim.token.header.keyID, signedAt: claim.signedAt, isBound: claim.token.header.isBound,
            trace: claim.shape.trace(attributes))
    }

    // MARK: the key

    /// The key set that has the key: one that may speak for the source if there is one, else any, so that a stranger's
    /// valid signature is told from a forged one.
    private func issuer(
        of keyID: String, signedAt: Instant, for source: String, in snapshots: [KeySetSnapshot]
    ) throws(Failure) -> Claim.Issuer? {
        var stranger: Claim.Issuer?
        var unavailable: KeySetSource?
        var asked: [KeySetSource] = []
        for place in keySets.indices {
            let speaks = keySets[place].speaks(for: source)
            if !snapshots[place].isUsable {
                if speaks { unavailable = keySets[place] }
                continue
            }
            switch snapshots[place].key(keyID, signedAt: signedAt, ahead: options.skewAhead) {
            case .found(let key):
                let issuer = Claim.Issuer(source: keySets[place], key: key, speaks: speaks)
                if speaks { return issuer }
                stranger = issuer
            case .revoked where speaks: throw Failure(.verifyNotAuthorised, keyID, "the key is revoked")
            case .unknown where speaks: asked.append(keySets[place])
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

    private func believe(_ variant: SignatureVariant?, of issuer: Claim.Issuer) throws(Failure) {
        let key = issuer.key
        guard let variant else { throw Failure(.verifyBadSignature, key.keyID, "it verifies under no variant") }
        let profile = issuer.profile
        guard profile.allows(variant) else {
            throw Failure(
                .verifyProfile, key.keyID, "signed as \(variant.rawValue), allowed is \(profile.rawValue)")
        }
        if key.variants.note(variant.identifier) { issuer.source.noteSecondVariant(key.keyID, variant) }
    }

    private func verifyPayload(of claim: Claim, _ rule: CanonicalRule) throws(Failure) {
        // The same bytes, read strictly with the body.
        if claim.token.isWritten {
            guard rule == .asSigned || claim.shape.detailCore.isCanonical else {
                throw Self.notCanonical(claim.token.header.keyID)
            }
            return
        }
        let core = claim.shape.detailCore
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
        try compare("res", claim.token.header.resource, claim.resource)
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
        if let id = claim.shape.id?.string { return EventID(issuer: Self.envelopeIssuer, text: id) }
        return EventID(issuer: issuer, text: digest?.hexadecimal ?? "")
    }
}
