/// Velocity and structuring: rules over what one user moves in a sliding window.

import Kit
import Vocabulary

/// Too many movements, or too much of one unit, within a window.
public struct Velocity: Sendable {
    let window: Duration
    /// Movements that are still in order.
    let count: Int
    /// The most of a unit that is still in order; one not named is not limited.
    let amounts: [String: Amount]

    /// - Parameter activity: with this movement in it
    func rules(for movement: Activity.Movement, in activity: Activity) throws -> [Rule] {
        var rules: [Rule] = []
        if let peak = activity.peak(of: window, around: movement.at, \.count), peak > count { rules.append(.tooMany) }
        if let most = amounts[movement.unit] {
            let peak = try activity.peak(of: window, around: movement.at) { movements in
                try movements.reduce(Amount.zero) { try $1.unit == movement.unit ? $0 + $1.amount : $0 }
            }
            if let peak, peak > most { rules.append(.tooMuch) }
        }
        return rules
    }

    /// `{"velocity": {"window": "24h", "count": 20, "amounts": {"EUR": "20000"}}}`
    init(json: JSON) throws(JSON.Mismatch) {
        window = try json.window(at: "/velocity/window")
        count = try json.count(at: "/velocity/count")
        amounts = try json.amountsByCurrency(at: "/velocity/amounts")
    }
}

/// Several amounts just below the limit within a window.
public struct Structuring: Sendable {
    let window: Duration
    /// So many are structuring.
    let count: Int
    /// From here up to the first limit is just below it.
    let from: [String: Amount]

    func applies(to movement: Activity.Movement, limit: Limit?, in activity: Activity) -> Bool {
        guard let from = from[movement.unit], let limit else { return false }
        let isJustBelow = { (one: Activity.Movement) in
            one.unit == movement.unit && (from...limit.first).contains(one.amount)
        }
        guard isJustBelow(movement) else { return false }
        let peak = activity.peak(of: window, around: movement.at) { $0.filter(isJustBelow).count }
        return peak.map { $0 >= count } ?? false
    }

    /// `{"structuring": {"window": "7d", "count": 3, "from": {"EUR": "4500"}}}`; may be left out.
    init?(json: JSON, _ limits: AmountLimits) throws(JSON.Mismatch) {
        guard json["/structuring"] != nil else { return nil }
        window = try json.window(at: "/structuring/window")
        count = try json.count(at: "/structuring/count")
        from = try json.amountsByCurrency(at: "/structuring/from")
        for (code, amount) in from {
            let limit = Currency(code).flatMap { limits[.currency($0)] }
            guard let limit, amount <= limit.first else {
                throw JSON.Mismatch("/structuring/from" / code, expected: "an amount not above its first limit")
            }
        }
    }
}

extension JSON {
    /// Windows are bounded, as what they look at is kept.
    fileprivate func window(at place: Pointer) throws(Mismatch) -> Duration {
        let window = try period(at: place)
        guard window <= .seconds(31 * 86_400) else { throw Mismatch(place, expected: "a window of at most 31d") }
        return window
    }

    /// Below ``Activity/most``, so that what is forgotten is never what would have been too many.
    fileprivate func count(at place: Pointer) throws(Mismatch) -> Int {
        let count = try integer(at: place)
        guard (1...200).contains(count) else { throw Mismatch(place, expected: "a number from 1 to 200") }
        return count
    }

    fileprivate func amountsByCurrency(at place: Pointer) throws(Mismatch) -> [String: Amount] {
        var amounts: [String: Amount] = [:]
        for member in try optionalMembers(at: place) {
            let currency = try JSON.currency(member.key, at: place / member.key)
            amounts[currency.code] = try positiveAmount(at: place / member.key)
        }
        return amounts
    }
}
