import Cryptography
import Events

/// What an envelope says, once it has passed all that is cheaper than its signature. Not yet believed. A reference,
/// since it is passed on with all that it holds.
final class Claim {
    let shape: EventShape
    let token: CompactToken
    let source: String
    let detailType: String
    let resource: String
    let signedAt: Instant
    let issuer: Issuer
    private let key: PreparedKey

    /// Who has the key.
    struct Issuer {
        let source: KeySetSource
        let key: VerificationKey
        /// Whether its keys may speak for the event's source.
        let speaks: Bool

        var profile: SignatureProfile { key.algorithm == .mldsa44 ? .mldsa44 : source.options.profile }
    }

    init(
        _ shape: consuming EventShape, _ token: CompactToken, from source: String, _ detailType: String,
        _ resource: String, signedAt: Instant, by issuer: Issuer, _ key: PreparedKey
    ) {
        self.shape = shape
        self.token = token
        self.source = source
        self.detailType = detailType
        self.resource = resource
        self.signedAt = signedAt
        self.issuer = issuer
        self.key = key
    }

    var check: SignatureCheck {
        SignatureCheck(
            key: key, signature: token.signature, message: token.signingInput,
            preferred: issuer.profile.variant?.identifier ?? issuer.key.variants.preferred)
    }
}
