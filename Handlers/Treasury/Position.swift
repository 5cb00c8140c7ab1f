/// What the house has in one account and currency.

public import Kit

/// The books of one account and currency.
public struct Position: Hashable, Sendable {
    /// What was settled, the opening balance included.
    public var booked: Amount
    /// Outgoing payments that were initiated.
    public var reserved: Amount
    /// Outgoing payments that were authorised.
    public var held: Amount
    /// True from `Liquidity.Low.v1` until `Liquidity.Restored.v1`.
    public var isLow: Bool

    public init(booked: Amount = .zero, reserved: Amount = .zero, held: Amount = .zero, isLow: Bool = false) {
        self.booked = booked
        self.reserved = reserved
        self.held = held
        self.isLow = isLow
    }

    /// What can still be spent.
    public func available() throws(Rejection) -> Amount { try booked - reserved - held }
}

extension Position: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        self.init(
            booked: try json.amount(at: "/booked"), reserved: try json.amount(at: "/reserved"),
            held: try json.amount(at: "/held"), isLow: try json.boolean(at: "/low"))
    }

    public var json: JSON {
        ["booked": booked.json, "reserved": reserved.json, "held": held.json, "low": .boolean(isLow)]
    }
}
