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
    /// The same settlements again, by day.
    public var book: DayBook

    public init(opening: Amount) {
        (booked, reserved, held, isLow) = (opening, .zero, .zero, false)
        book = DayBook(opening: opening)
    }

    /// What can still be spent.
    public func available() throws(Rejection) -> Amount { try booked - reserved - held }
}

extension Position: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        booked = try json.amount(at: "/booked")
        reserved = try json.amount(at: "/reserved")
        held = try json.amount(at: "/held")
        isLow = try json.boolean(at: "/low")
        book = try DayBook(json: json["/book"] ?? .null)
    }

    public var json: JSON {
        [
            "booked": booked.json, "reserved": reserved.json, "held": held.json, "low": .boolean(isLow),
            "book": book.json,
        ]
    }
}
