/// The close of a day: do the books agree with the settlements, and is every payment in order?

public import Kit
public import Vocabulary

/// What is reported of one day of one position.
public struct Reconciliation: Hashable, Sendable {
    /// The sum of the days differs from the balance: the only code that names no payment.
    public static let booksDiffer = "books-differ"

    public let day: CalendarDay
    public let opening: Amount
    public let closing: Amount
    public let sums: DayBook.Day
    public let exceptions: [Identifier: Discrepancy]
    public let exceptionCount: Int
    public let booksAgree: Bool

    public var isMatched: Bool { booksAgree && exceptionCount == 0 }

    /// Closes the earliest day of a position; `nil` if that is not `day`.
    ///
    /// - Returns: the report, and the position with the day closed.
    /// - Throws: a ``Rejection`` if a sum leaves the range of amounts.
    public static func close(
        _ day: CalendarDay, of position: Position
    ) throws(Rejection) -> (report: Reconciliation, position: Position)? {
        let book = position.book
        guard book.earliest == day, let sums = book.days[day] else { return nil }
        let closing = try book.balance + sums.credits - sums.debits
        var expected = closing
        for (open, later) in book.days where open != day { expected = try expected + later.credits - later.debits }
        let agrees = expected == position.booked
        var closed = position
        closed.book.close(day, leaving: closing)
        let report = Reconciliation(
            day: day, opening: book.balance, closing: closing, sums: sums, exceptions: book.exceptions,
            exceptionCount: book.exceptions.count + book.unnamed + (agrees ? 0 : 1), booksAgree: agrees)
        return (report, closed)
    }

    /// The payload of `Settlement.Reconciled.v1` or `Settlement.Mismatched.v1`.
    public func detail(account: Identifier, currency: Currency) -> JSON {
        .detail([
            .account: account.json, .currency: currency.json, .day: .string(day.description), .opening: opening.json,
            .debits: sums.debits.json, .credits: sums.credits.json, .closing: closing.json,
            .payments: .number(JSON.Number(sums.payments)),
            .exceptions: isMatched ? nil : .array(listed),
            .exceptionCount: isMatched ? nil : .number(JSON.Number(exceptionCount)),
        ])
    }

    private var listed: [JSON] {
        let books: [JSON] = booksAgree ? [] : [.detail([.code: .string(Reconciliation.booksDiffer)])]
        let payments = exceptions.sorted { $0.key < $1.key }.map { id, discrepancy in
            JSON.detail([.paymentID: id.json, .code: .string(discrepancy.rawValue)])
        }
        return books + payments
    }
}
