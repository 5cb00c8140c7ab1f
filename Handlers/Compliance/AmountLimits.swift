/// The most that one payment or token operation may move.

public import Kit
import Vocabulary

/// What amounts are counted in: a currency, or a token.
public enum Unit: Hashable, Sendable {
    case currency(Currency)
    case token(Identifier)

    /// As state and decisions name it: `EUR`, `token:gold`.
    public var text: String {
        switch self {
        case .currency(let currency): currency.code
        case .token(let token): "token:\(token)"
        }
    }
}

/// An amount up to `review` is cleared, above it reviewed, above `block` blocked.
public struct Limit: Hashable, Sendable {
    public let review: Amount?
    public let block: Amount

    public func rule(for amount: Amount) -> Rule? {
        if amount > block { return .amountOverLimit }
        if let review, amount > review { return .amountToReview }
        return nil
    }

    /// The first limit, that a structured payment stays below.
    var first: Amount { review ?? block }
}

public struct AmountLimits: Sendable {
    private let limits: [Unit: Limit]

    public subscript(unit: Unit) -> Limit? { limits[unit] }

    public func rule(for amount: Amount, of unit: Unit) -> Rule? {
        guard let limit = limits[unit] else { return .unitNotAllowed }
        return limit.rule(for: amount)
    }

    /// `{"limits": {"EUR": {"review": "5000", "block": "10000"}}, "tokenLimits": {"gold": {"block": "500"}}}`
    init(json: JSON) throws(JSON.Mismatch) {
        var limits: [Unit: Limit] = [:]
        for member in try json.members(at: "/limits") {
            let unit = Unit.currency(try JSON.currency(member.key, at: "/limits" / member.key))
            limits[unit] = try AmountLimits.limit(at: "/limits" / member.key, in: json)
        }
        for member in try json.optionalMembers(at: "/tokenLimits") {
            let place = "/tokenLimits" / member.key
            guard let token = Identifier(member.key) else { throw JSON.Mismatch(place, expected: "a token's name") }
            limits[.token(token)] = try AmountLimits.limit(at: place, in: json)
        }
        self.limits = limits
    }

    private static func limit(at place: Pointer, in json: JSON) throws(JSON.Mismatch) -> Limit {
        let limit = Limit(
            review: try json.optional(at: place / "review") { (json, place) throws(JSON.Mismatch) in
                try json.positiveAmount(at: place)
            }, block: try json.positiveAmount(at: place / "block"))
        guard limit.first <= limit.block else {
            throw JSON.Mismatch(place / "review", expected: "an amount not above `block`")
        }
        return limit
    }
}

extension JSON {
    static func currency(_ code: String, at place: Pointer) throws(Mismatch) -> Currency {
        guard let currency = Currency(iso: code) else { throw Mismatch(place, expected: "a currency of ISO 4217") }
        return currency
    }
}
