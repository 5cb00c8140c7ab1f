/// Money: an exact amount of one currency.

/// An ISO 4217 alphabetic code: three capital letters.
public struct Currency: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let code: String

    public init?(_ code: String) {
        guard code.utf8.count == 3, code.utf8.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
        else { return nil }
        self.code = code
    }

    public var description: String { code }
    public static func < (a: Currency, b: Currency) -> Bool { a.code < b.code }
}

/// An amount of a currency.
public struct Money: Hashable, Sendable {
    public let amount: Amount
    public let currency: Currency
    public init(_ amount: Amount, _ currency: Currency) {
        self.amount = amount
        self.currency = currency
    }

    /// What a payment moves: the members `amount`, greater than zero, and `currency`.
    public init(of payment: JSON) throws(JSON.Mismatch) {
        amount = try payment.positiveAmount(at: "/amount")
        currency = try payment.currency(at: "/currency")
    }
}
