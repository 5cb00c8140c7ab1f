/// What a bank says of one day of an account: the outside word that the books are held against.

public import Kit
public import Vocabulary

/// A day's sums.
public struct Totals: Hashable, Sendable {
    public let opening: Amount
    public let debits: Amount
    public let credits: Amount
    public let closing: Amount
    /// `nil` where a bank does not count them.
    public let payments: Int?

    public init(opening: Amount, debits: Amount, credits: Amount, closing: Amount, payments: Int?) {
        self.opening = opening
        self.debits = debits
        self.credits = credits
        self.closing = closing
        self.payments = payments
    }
}

/// A statement of account, by the business day.
public struct Statement: Hashable, Sendable {
    public let id: Identifier
    public let day: CalendarDay
    public let totals: Totals

    /// Reads an event.
    ///
    /// - Throws: ``JSON/Mismatch`` unless all members are there in the right form; a ``Rejection`` where one breaks a
    ///   rule:
    ///
    /// | code | when |
    /// |---|---|
    /// | `money.negative` | debits or credits below zero |
    /// | `money.absurd`, `money.too-many-decimals` | an amount that is none of this currency |
    /// | `treasury.statement-unbalanced` | opening, debits and credits do not come to closing |
    public init(detail: JSON, _ currency: Currency) throws {
        func amount(_ field: Field) throws -> Amount {
            let amount = try detail.decimal(at: field)
            try amount.mustBeBelievable("money.absurd")
            guard amount.decimals <= currency.decimals ?? 0 else {
                throw Rejection("money.too-many-decimals", "the amount is finer than the currency's smallest unit")
            }
            return amount
        }
        id = try detail.identifier(at: .statementID)
        day = try Statement.day(in: detail)
        totals = Totals(
            opening: try amount(.opening), debits: try amount(.debits), credits: try amount(.credits),
            closing: try amount(.closing), payments: try Totals.payments(in: detail))
        guard totals.debits >= .zero, totals.credits >= .zero else {
            throw Rejection("money.negative", "debits and credits are not below zero")
        }
        guard try totals.opening + totals.credits - totals.debits == totals.closing else {
            throw Rejection("treasury.statement-unbalanced", "opening, debits and credits do not come to closing")
        }
    }

    private static func day(in json: JSON) throws(JSON.Mismatch) -> CalendarDay {
        guard let day = CalendarDay(try json.text(at: .day)) else {
            throw JSON.Mismatch(Field.day.pointer, expected: "a day")
        }
        return day
    }
}

/// Where a statement and the books do not agree, as reports name it.
public enum Difference: String, CaseIterable, Hashable, Sendable {
    case opening = "opening-differs"
    case debits = "debits-differ"
    case credits = "credits-differ"
    case closing = "closing-differs"
    case payments = "payments-differ"
}

extension Totals {
    /// Where another's totals are not these, with what they say instead.
    public func differences(from other: Totals) -> [(code: Difference, stated: JSON)] {
        let amounts: [(Difference, KeyPath<Totals, Amount>)] = [
            (.opening, \.opening), (.debits, \.debits), (.credits, \.credits), (.closing, \.closing),
        ]
        var differences = amounts.filter { self[keyPath: $0.1] != other[keyPath: $0.1] }.map {
            (code: $0.0, stated: other[keyPath: $0.1].json)
        }
        if let own = payments, let stated = other.payments, own != stated {
            differences.append((code: .payments, stated: .number(JSON.Number(stated))))
        }
        return differences
    }
}

extension Totals: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        self.init(
            opening: try json.amount(at: Field.opening.pointer), debits: try json.amount(at: Field.debits.pointer),
            credits: try json.amount(at: Field.credits.pointer), closing: try json.amount(at: Field.closing.pointer),
            payments: try Totals.payments(in: json))
    }

    public var json: JSON {
        .detail([
            .opening: opening.json, .debits: debits.json, .credits: credits.json, .closing: closing.json,
            .payments: payments.map { .number(JSON.Number($0)) },
        ])
    }

    fileprivate static func payments(in json: JSON) throws(JSON.Mismatch) -> Int? {
        guard json[.payments] != nil else { return nil }
        let payments = try json.integer(at: Field.payments.pointer)
        guard payments >= 0 else { throw JSON.Mismatch(Field.payments.pointer, expected: "a number from 0 on") }
        return payments
    }
}

extension Statement: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        id = try json.identifier(at: .statementID)
        day = try Statement.day(in: json)
        totals = try Totals(json: json["/totals"] ?? .null)
    }

    public var json: JSON {
        .detail([.statementID: id.json, .day: .string(day.description), Field("totals"): totals.json])
    }
}
