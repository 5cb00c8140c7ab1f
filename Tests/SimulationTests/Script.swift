@_spi(Verification) import Events
import Pipeline

/// What a simulated event does, read from its body: "kind/number".
struct Script {
    enum Kind: String, CaseIterable {
        case good, twin, sameKey, forged, early, poison, rejected, stubborn, twice, waiting
    }
    let kind: Kind
    let number: Int

    init(kind: Kind, number: Int) {
        self.kind = kind
        self.number = number
    }

    init(_ body: Bytes) {
        let parts = body.text.split(separator: "/")
        kind = parts.first.flatMap { Kind(rawValue: String($0)) } ?? .good
        number = parts.last.flatMap { Int($0) } ?? 0
    }

    var body: String { "\(kind.rawValue)/\(number)" }
    /// Whether it ends as done; the others end as dead letters.
    var endsDone: Bool { ![.forged, .poison, .rejected, .stubborn].contains(kind) }
    /// Two messages of one event have one id; two events of one business key have one key and one payload.
    var name: String { kind == .twin ? "twin\(number / 2)" : body }
    var key: String? { kind == .sameKey ? "key\(number / 2)" : nil }

    func event(sentAt: Instant) -> Event {
        Event(
            id: EventID(issuer: "sim", text: name), tokenDigest: nil, payloadDigest: Self.digest(key ?? name),
            source: "sim", detailType: kind.rawValue, resource: "", detail: Bytes(body), keyID: "k",
            signedAt: sentAt, isBound: true, trace: .init())
    }

    static func digest(_ text: String) -> Digest {
        var bytes = [UInt8](repeating: 0, count: 32)
        for (index, byte) in text.utf8.enumerated() { bytes[index % 32] = bytes[index % 32] &* 31 &+ byte }
        guard let digest = Digest(bytes) else { preconditionFailure("32 bytes are a digest") }
        return digest
    }
}
