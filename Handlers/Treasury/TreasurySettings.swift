/// The treasury's configuration.

public import Kit

/// `{"opening": {"main": {"EUR": "50000"}}, "liquidity": {"EUR": {"low": "10000", "restored": "15000"}}}`
public struct TreasurySettings: Sendable {
    private struct Place: Hashable {
        let account: String
        let currency: Currency
    }
    private let openings: [Place: Amount]
    private let liquidity: [Currency: Liquidity]

    public init(json: JSON) throws(JSON.Mismatch) {
        var openings: [Place: Amount] = [:]
        for account in try TreasurySettings.keys(of: "/opening", in: json) {
            let balances = "/opening" / account
            for code in try TreasurySettings.keys(of: balances, in: json) {
                let currency = try TreasurySettings.currency(code, at: balances)
                openings[Place(account: account, currency: currency)] = try json.amount(at: balances / code)
            }
        }
        var liquidity: [Currency: Liquidity] = [:]
        for code in try TreasurySettings.keys(of: "/liquidity", in: json) {
            let place = "/liquidity" / code
            let thresholds = Liquidity(
                low: try json.amount(at: place / "low"), restored: try json.amount(at: place / "restored"))
            guard let thresholds else {
                throw JSON.Mismatch(place / "restored", expected: "an amount not below `low`")
            }
            liquidity[try TreasurySettings.currency(code, at: "/liquidity")] = thresholds
        }
        self.openings = openings
        self.liquidity = liquidity
    }

    /// What a position holds before its first payment: nothing, where no opening balance is set.
    public func opening(of payment: Payment) -> Position {
        let place = Place(account: payment.account.text, currency: payment.money.currency)
        return Position(booked: openings[place] ?? .zero)
    }

    /// `nil` where the currency is not watched.
    public func liquidity(of currency: Currency) -> Liquidity? { liquidity[currency] }

    /// Both parts may be left out.
    private static func keys(of pointer: Pointer, in json: JSON) throws(JSON.Mismatch) -> [String] {
        guard json[pointer] != nil else { return [] }
        return try json.members(at: pointer).map(\.key)
    }

    private static func currency(_ code: String, at pointer: Pointer) throws(JSON.Mismatch) -> Currency {
        guard let currency = Currency(code) else {
            throw JSON.Mismatch(pointer / code, expected: "a currency code of three capital letters")
        }
        return currency
    }
}
