@_spi(Verification) import Events

/// What one message carries, and how its handler takes it.
public struct Script: Sendable, Hashable {
    public enum Kind: UInt8, Sendable, CaseIterable {
        case good, forged, poison, rejected, stubborn, expired
        /// Fails twice, then succeeds.
        case twice
        /// Fails three times in a class of its own, then twice in none, then succeeds.
        case throttled
        /// Waits for a dependency until it has recovered.
        case waiting
        /// Rejected until the handler was mended: a redrive brings it home.
        case mended
    }
    public var kind = Kind.good
    /// The place in the plan, and the name in a trace.
    public var number: Int
    /// Messages of one event have one id.
    public var identity: Int
    /// Messages with one token have one digest.
    public var token: Int?
    /// Events of one piece of business have one key.
    public var key: Int?
    /// Messages with one payload have one digest.
    public var payload: Int
    /// Under another detail type than the token was signed for.
    public var isRetyped = false
    /// Which of the four keys signed it.
    public var signedBy = 0
    public var group = 0
    public var resource = 0
    public var drafts = 1
    /// How long its handler takes, in milliseconds.
    public var takes: Int64 = 500

    init(number: Int) {
        self.number = number
        identity = number
        payload = number
    }

    /// Whether its handler does it in the end.
    var endsDone: Bool { [.good, .twice, .throttled, .waiting, .mended].contains(kind) }
    /// The first of the messages that share an identity.
    var family: Int { min(identity, token ?? identity, key ?? identity) }
    /// Whether this one's end is the other's, too: the same work, under the same name.
    func isSameWork(as other: Script) -> Bool {
        family == other.family && payload == other.payload && isRetyped == other.isRetyped
    }

    var body: Bytes { Bytes(String(number)) }
    var eventID: EventID { EventID(issuer: "sim", text: "e\(identity)") }
    var businessKey: Digest? { key.map { Self.digest(2, $0) } }
    var detailType: String { isRetyped ? "retyped" : kind == .good ? "good" : "other" }

    func event(signedAt: Instant) -> Event {
        Event(
            id: eventID, tokenDigest: token.map { Self.digest(1, $0) }, payloadDigest: Self.digest(0, payload),
            source: "sim", detailType: detailType, resource: "", detail: body, keyID: "k\(signedBy)",
            signedAt: signedAt, isBound: true, trace: .init())
    }

    static func digest(_ purpose: UInt64, _ number: Int) -> Digest {
        Digest(high: (UInt64(number), purpose), low: (0, 0))
    }

    /// The number that a body or a payload carries.
    static func number(_ bytes: Bytes) -> Int { bytes.reduce(0) { $0 * 10 + Int($1 & 15) } }
}
