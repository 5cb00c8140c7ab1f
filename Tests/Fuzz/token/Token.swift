// A token's header and payload, always with a valid signature: what is tried is all that comes before and after it.

import Cryptography
import Events

@testable import Signatures

extension Target {
    /// How to sign and to deliver, header, 0, payload, 0, detailCore (else the payload), 0, what the envelope says of
    /// itself (else what is usual).
    static let token = Target(name: "token") { input in
        guard let way = input.first.map(Delivery.init) else { return "empty" }
        let parts = parts(of: input.dropFirst(), atMost: 4)
        guard parts.count > 1 else { return "no payload" }
        let token = way.damage(
            Forger.token(header: parts[0], payload: parts[1], way.key, way.variant), with: parts[0].count)
        let core = parts.count > 2 ? parts[2] : parts[1]
        let body = way.body(token: token, core: core, label: parts.count > 3 ? parts[3] : Delivery.label)
        let gate = way.isAsSigned ? Gate.asSigned : Gate.strict
        switch try gate.verify(body[...]) {
        case .failure(let failure):
            try demand(failure.code.area == "verify", "refused as \(failure)")
            return failure.code.rawValue
        case .success(let event):
            try demand(!way.isDamaged, "accepted, and it was damaged")
            guard let header = PlainJSON(parts[0], depth: 5) else {
                throw Broken(description: "a header that is no JSON")
            }
            try Acceptance(header: header, payload: parts[1], rule: gate.rule).check(event)
            try way.check(event, header)
            return "accepted"
        }
    }
}

/// What the first byte of an input says.
struct Delivery {
    let byte: UInt8
    static let label = Array(#""id":"e-1","source":"bank.pay","detail-type":"Paid.v1""#.utf8)

    init(_ byte: UInt8) { self.byte = byte }

    var variant: SignatureVariant { SignatureVariant.allCases[Int(byte & 3) % 3] }
    var key: String { byte & 4 == 0 ? Forger.house : Forger.standard }
    var isAsSigned: Bool { byte & 8 != 0 }
    private var isRaw: Bool { byte & 16 != 0 }
    private var isWrapped: Bool { byte & 32 != 0 }
    var isDamaged: Bool { byte & 192 != 0 }

    /// One character more, one less, or another one; at the end it is one whose spare bits are set.
    func damage(_ token: [UInt8], with seed: Int) -> [UInt8] {
        var token = token
        let place = seed * 31 % token.count
        switch byte >> 6 {
        case 1: token[token.count - 1] = token[token.count - 1] == 0x42 ? 0x43 : 0x42
        case 2: token.insert([0x3D, 0x0A, 0x2E, 0x41][seed % 4], at: place)
        case 3: token.remove(at: place)
        default: break
        }
        return token
    }

    func body(token: [UInt8], core: [UInt8], label: [UInt8]) -> [UInt8] {
        let signed = Array(#","sig_compact":""#.utf8) + token + Array("\"}".utf8)
        let detail = Array(#"{"detailCore":"#.utf8) + core + signed
        var body = detail
        if !isRaw { body = Array("{".utf8) + label + Array(#","detail":"#.utf8) + detail + Array("}".utf8) }
        if isWrapped {
            body = Array(#"{"Metadata":{"source":"fx","detail-type":"Set.v1"},"Data":"#.utf8) + body + Array("}".utf8)
        }
        return body
    }

    func check(_ event: Event, _ header: PlainJSON) throws {
        let isHouse = header["alg"]?.isText("Dilithium2") == true
        try demand(isHouse || variant == .mldsa44, "another algorithm than it was signed with")
        try demand(key == (isHouse ? Forger.house : Forger.standard), "another key than it was signed with")
        if isRaw, !isWrapped {
            try demand(header["src"]?.isText(event.source) == true, "a source that nobody says")
            try demand(header["dt"]?.isText(event.detailType) == true, "a detail type that nobody says")
        }
    }
}

/// What holds of every event, by a reading of its token that is none of the product's.
struct Acceptance {
    let header: PlainJSON
    let payload: [UInt8]
    let rule: CanonicalRule

    private static let refused = ["crit", "b64", "zip", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256"]

    func check(_ event: Event) throws {
        try checkHeader(event)
        try demand(event.detail.elementsEqual(payload), "the detail is not what was signed")
        try demand(event.payloadDigest == Hash.sha256(payload), "the digest is not the payload's")
        guard let plain = PlainJSON(payload, depth: Limits.jsonDepth) else {
            throw Broken(description: "a payload that is no JSON")
        }
        if rule == .strict { try demand(plain.canonical == payload, "a payload that is not canonical") }
        try demand(event.source.hasPrefix("bank.") || event.source == "fx", "a source that its keys may not speak for")
        for text in [event.id.text, event.source, event.detailType] {
            try demand(!text.isEmpty && Identifier.isText(text.utf8), "no short text")
        }
    }

    private func checkHeader(_ event: Event) throws {
        for name in Self.refused { try demand(header[name] == nil, "accepted with \(name)") }
        try demand(header["kid"]?.isText(event.keyID) == true && Forger.names.contains(event.keyID), "an unknown key")
        if header["alg"]?.isText("Dilithium2") == true {
            try demand(event.keyID == Forger.house, "a key of another algorithm")
            try demand(header["typ"]?.isText("QSL-JWS-PQC") == true, "another typ")
            try demand(header["hash"]?.isText("SHA-256") == true, "another hash")
        } else {
            try demand(header["alg"]?.isText("ML-DSA-44") == true, "an unknown algorithm")
            try demand(event.keyID == Forger.standard, "a key of another algorithm")
        }
        for (name, text) in [("src", event.source), ("dt", event.detailType), ("res", event.resource)] {
            if let said = header[name] { try demand(said.isText(text), "\(name) is another") }
        }
        if let id = header["jti"] {
            try demand(id.isText(event.id.text) && event.id.issuer == "house", "another id than was signed")
        }
        try demand((event.tokenDigest == nil) == (header["jti"] != nil), "the token's digest")
        let isBound = ["src", "dt", "res", "jti"].allSatisfy { header[$0] != nil }
        try demand(event.isBound == isBound, "bound, or not")
        try demand(event.signedAt <= Forger.now + .minutes(5), "signed in the future")
    }
}
