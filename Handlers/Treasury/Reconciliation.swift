/// The close of a day: do the books agree with the settlements and with the bank, and is every payment in order?

public import Kit
public import Vocabulary

/// What is reported of one day of one position.
public struct Reconciliation: Hashable, Sendable {
    /// The sum of the days differs from the balance: the only code of the books alone that names no payment.
    public static let booksDiffer = "books-differ"

    public let day: CalendarDay
    public let totals: Totals
    /// What the day was held against; `nil` for our own totals alone.
    public let statement: Statement?
    public let exceptions: [Identifier: Discrepancy]
    public let exceptionCount: Int
    public let booksAgree: Bool

    public var isMatched: Bool { booksAgree && exceptionCount == 0 }

    private init(
        _ day: CalendarDay, _ totals: Totals, against statement: Statement?,
        exceptions: [Identifier: Discrepancy] = [:], unnamed: Int = 0, booksAgree: Bool = true
    ) {
        self.day = day
        self.totals = totals
        self.statement = statement
        self.exceptions = exceptions
        self.booksAgree = booksAgree
        let differences = statement.map { totals.differences(from: $0.totals).count } ?? 0
        exceptionCount = exceptions.count + unnamed + differences + (booksAgree ? 0 : 1)
    }

    /// Closes the earliest day of a position; `nil` if that is not `day`.
    ///
    /// - Returns: the report, and the position with the day closed.
    /// - Throws: a ``Rejection`` if a sum leaves the range of amounts.
    public static func close(
        _ day: CalendarDay, of position: Position
    ) throws(Rejection) -> (report: Reconciliation, position: Position)? {
        let book = position.book
        guard book.earliest == day, let sums = book.days[day] else { return nil }
        let totals = Totals(
            opening: book.balance, debits: sums.debits, credits: sums.credits,
            closing: try book.balance + sums.credits - sums.debits, payments: sums.payments)
        var expected = totals.closing
        for (open, later) in book.days where open != day { expected = try expected + later.credits - later.debits }
        var closed = position
        closed.book.close(day, as: totals)
        let report = Reconciliation(
            day, totals, against: sums.statement, exceptions: book.exceptions, unnamed: book.unnamed,
            booksAgree: expected == position.booked)
        return (report, closed)
    }

    /// Holds a day that was closed already against a statement that came late; `nil` if the day is forgotten.
    public static func compare(_ statement: Statement, with book: DayBook) -> Reconciliation? {
        book.closedTotals(of: statement.day).map { Reconciliation(statement.day, $0, against: statement) }
    }

    /// The payload of `Settlement.Reconciled.v1` or `Settlement.Mismatched.v1`.
    public func detail(account: Identifier, currency: Currency) -> JSON {
        .detail([
            .account: account.json, .currency: currency.json, .day: .string(day.description),
            .opening: totals.opening.json, .debits: totals.debits.json, .credits: totals.credits.json,
            .closing: totals.closing.json, .payments: .number(JSON.Number(totals.payments ?? 0)),
            .basis: statement == nil ? "own-totals" : "statement", .statementID: statement?.id.json,
            .exceptions: isMatched ? nil : .array(listed),
            .exceptionCount: isMatched ? nil : .number(JSON.Number(exceptionCount)),
        ])
    }

    private var listed: [JSON] {
        let books: [JSON] = booksAgree ? [] : [.detail([.code: .string(Reconciliation.booksDiffer)])]
        let differences = statement.map { totals.differences(from: $0.totals) } ?? []
        let stated = differences.map { JSON.detail([.code: .string($0.code.rawValue), .stated: $0.stated]) }
        let payments = exceptions.sorted { $0.key < $1.key }.map { id, discrepancy in
            JSON.detail([.paymentID: id.json, .code: .string(discrepancy.rawValue)])
        }
        return books + stated + payments
    }
}
