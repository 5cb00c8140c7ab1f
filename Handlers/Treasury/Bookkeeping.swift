/// Reserve, hold, book, release: what a payment's standing does to a position.

public import Kit
public import Vocabulary

extension Position {
    /// Takes the payment's old weight off the books and puts its new weight on. So the books are the sum of what each
    /// payment has come to, and not of the ways there.
    ///
    /// - Parameter day: the day that a settlement is booked on
    /// - Throws: a ``Rejection`` if a sum leaves the range of amounts.
    public func moving(
        _ payment: Payment, from old: Course.Standing, to new: Course.Standing, on day: CalendarDay
    ) throws(Rejection) -> Position {
        let off = try Weight(of: payment, at: old)
        let on = try Weight(of: payment, at: new)
        var moved = self
        moved.booked = try booked - off.booked + on.booked
        moved.reserved = try reserved - off.reserved + on.reserved
        moved.held = try held - off.held + on.held
        if new == .booked, old != .booked { try moved.book.add(payment, on: day) }
        return moved
    }
}

/// What one payment adds to its position.
private struct Weight {
    var booked = Amount.zero
    var reserved = Amount.zero
    var held = Amount.zero

    /// | standing          | debit     | credit |
    /// |-------------------|-----------|--------|
    /// | awaited, released |           |        |
    /// | reserved          | reserved  |        |
    /// | held              | held      |        |
    /// | booked            | booked -  | booked |
    init(of payment: Payment, at standing: Course.Standing) throws(Rejection) {
        let amount = payment.money.amount
        switch (standing, payment.direction) {
        case (.reserved, .debit): reserved = amount
        case (.held, .debit): held = amount
        case (.booked, .debit): booked = try Amount.zero - amount
        case (.booked, .credit): booked = amount
        case (.reserved, .credit), (.held, .credit), (.awaited, _), (.released, _): break
        }
    }
}
