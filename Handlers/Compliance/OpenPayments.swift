/// The payments of one user that may still be stopped: decided, not blocked, and not over.

public import Kit
import Vocabulary

/// In the order in which they were decided. Bounded: a payment beyond ``most`` is decided with `not-followed`.
public struct OpenPayments: Hashable, Sendable, Codable {
    public struct Payment: Hashable, Sendable, Codable {
        public let id: Identifier
        public let since: Timestamp
        public let inputs: Inputs
        /// What applied to it, and what came of that, when it was decided last. By name, as another build may know
        /// other rules.
        public internal(set) var rules: [String]
        public internal(set) var verdict: Verdict
    }

    public static let most = 256

    public private(set) var payments: [Payment] = []
    public init() {}

    public var isFull: Bool { payments.count >= OpenPayments.most }

    mutating func open(_ payment: Payment) { payments.append(payment) }

    mutating func close(_ id: Identifier) { payments.removeAll { $0.id == id } }

    mutating func forget(before time: Timestamp) { payments.removeAll { $0.since < time } }

    /// Notes another decision; what is blocked is not open any more.
    mutating func decide(_ id: Identifier, _ rules: [Rule], _ verdict: Verdict) {
        guard verdict < .block, let place = payments.firstIndex(where: { $0.id == id }) else { return close(id) }
        payments[place].rules = rules.map(\.rawValue)
        payments[place].verdict = verdict
    }
}

/// Where one payment stands, whichever of its events came first.
struct Following: Hashable, Sendable, Codable {
    /// Whose open payments it is among; `nil` for one that is over.
    let userID: Identifier?
}

/// When open payments are decided again.
public struct Revisit: Hashable, Sendable {
    /// The mildest verdict that is given anew; `nil` never decides again.
    public let from: Verdict?
    /// How long a payment counts as open of which nobody says that it is over.
    public let within: Duration

    /// `{"revisit": {"from": "review", "within": "30d"}}`; may be left out.
    init(json: JSON) throws(JSON.Mismatch) {
        within = try json.period(at: "/revisit/within", default: .seconds(30 * 86_400))
        switch json["/revisit/from"] == nil ? "review" : try json.string(at: "/revisit/from") {
        case "review": from = .review
        case "block": from = .block
        case "never": from = nil
        default: throw JSON.Mismatch("/revisit/from", expected: "review, block or never")
        }
    }
}
