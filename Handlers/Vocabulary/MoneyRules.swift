/// What an amount must be before anybody counts with it.

public import Kit

extension Money {
    /// Digits before the point of the largest amount that is believed: below a thousand million million.
    public static let wholeDigits = 15

    /// The members `amount` and `currency` of an event about money.
    ///
    /// - Throws: ``JSON/Mismatch`` unless the amount is a decimal in a text; a ``Rejection`` where it breaks a rule:
    ///
    /// | code | when |
    /// |---|---|
    /// | `money.unknown-currency` | the code is none of ISO 4217 |
    /// | `money.not-positive` | zero or less |
    /// | `money.absurd` | more digits before the point than ``wholeDigits`` |
    /// | `money.too-many-decimals` | finer than the currency's smallest unit |
    public init(inDetail detail: JSON) throws {
        guard let currency = Currency(iso: try detail.text(at: .currency)) else {
            throw Rejection("money.unknown-currency", "the currency is none of ISO 4217")
        }
        let amount = try detail.decimal(at: .amount)
        guard amount > .zero else { throw Rejection("money.not-positive", "the amount is not above zero") }
        try amount.mustBeBelievable("money.absurd")
        guard amount.decimals <= currency.decimals ?? 0 else {
            throw Rejection("money.too-many-decimals", "the amount is finer than the currency's smallest unit")
        }
        self.init(amount, currency)
    }
}

extension Amount {
    /// Decimals that are needed to write it: 1 for 12.50.
    public var decimals: Int {
        guard let point = text.utf8.firstIndex(of: UInt8(ascii: ".")) else { return 0 }
        return text.utf8.distance(from: point, to: text.utf8.endIndex) - 1
    }

    /// - Throws: a ``Rejection`` with `code` for more digits before the point than ``Money/wholeDigits``.
    public func mustBeBelievable(_ code: String) throws(Rejection) {
        let digits = text.utf8.prefix { $0 != UInt8(ascii: ".") }.filter { $0 != UInt8(ascii: "-") }.count
        guard digits <= Money.wholeDigits else { throw Rejection(code, "the amount is beyond belief") }
    }
}

extension JSON {
    /// A decimal as events carry it: a text such as `12.50`. A JSON number would be a double to whoever signs it
    /// (RFC 8785, 3.2.2.3), and an exponent is not how people write money.
    public func decimal(at field: Field) throws(Mismatch) -> Amount {
        guard case .string(let text) = self[field.pointer],
            text.utf8.allSatisfy({ $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") }), let amount = Amount(text)
        else { throw Mismatch(field.pointer, expected: "a decimal in a text, of at most 18 places") }
        return amount
    }
}
