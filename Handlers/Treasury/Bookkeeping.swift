/// Reserve, hold, book, release: what a step of a payment does to a position.

public import Kit

extension Position {
    /// Takes the payment's old weight off the books and puts its new weight on. So the books depend on how far each
    /// payment came, and not on the way there.
    ///
    /// - Throws: a ``Rejection`` if a sum leaves the range of amounts.
    public func moving(_ payment: Payment, from old: Step?, to new: Step) throws(Rejection) -> Position {
        let off = try Weight(of: payment, at: old)
        let on = try Weight(of: payment, at: new)
        var moved = self
        moved.booked = try booked - off.booked + on.booked
        moved.reserved = try reserved - off.reserved + on.reserved
        moved.held = try held - off.held + on.held
        return moved
    }
}

/// What one payment adds to its position.
private struct Weight {
    var booked = Amount.zero
    var reserved = Amount.zero
    var held = Amount.zero

    /// | step       | debit     | credit |
    /// |------------|-----------|--------|
    /// | initiated  | reserved  |        |
    /// | authorised | held      |        |
    /// | failed     |           |        |
    /// | settled    | booked -  | booked |
    init(of payment: Payment, at step: Step?) throws(Rejection) {
        let amount = payment.money.amount
        switch (step, payment.direction) {
        case (.initiated, .debit): reserved = amount
        case (.authorised, .debit): held = amount
        case (.settled, .debit): booked = try Amount.zero - amount
        case (.settled, .credit): booked = amount
        case (.initiated, .credit), (.authorised, .credit), (.failed, _), (nil, _): break
        }
    }
}
