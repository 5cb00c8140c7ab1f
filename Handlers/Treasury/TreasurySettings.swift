/// The treasury's configuration.

public import Kit
import Vocabulary

/// What the operator sets; see the README. Everything may be left out.
public struct TreasurySettings: Sendable {
    private struct Place: Hashable {
        let account: Identifier
        let currency: Currency
    }
    private let openings: [Place: Amount]
    private let liquidity: [Currency: Liquidity]
    public let businessDay: BusinessDay
    /// How long a payment is remembered that has come to its end, or was never initiated.
    public let remember: Duration

    public init(json: JSON) throws(JSON.Mismatch) {
        openings = try TreasurySettings.openings(json)
        liquidity = try TreasurySettings.liquidity(json)
        businessDay = BusinessDay(
            zone: json["/day/timeZone"] == nil ? .utc : try json.timeZone(at: "/day/timeZone"),
            cutOff: json["/day/cutOff"] == nil ? 86_400 : try json.timeOfDay(at: "/day/cutOff"),
            grace: try json.period(at: "/day/grace", default: .seconds(1_800)))
        remember = try json.period(at: "/remember", default: .seconds(30 * 86_400))
    }

    private static func openings(_ json: JSON) throws(JSON.Mismatch) -> [Place: Amount] {
        var openings: [Place: Amount] = [:]
        for name in try keys(of: "/opening", in: json) {
            guard let account = Identifier(name) else {
                throw JSON.Mismatch("/opening" / name, expected: "an account's name")
            }
            for code in try keys(of: "/opening" / name, in: json) {
                let currency = try currency(code, at: "/opening" / name)
                let place = "/opening" / name / code
                openings[Place(account: account, currency: currency)] = try amount(at: place, currency, in: json)
            }
        }
        return openings
    }

    private static func liquidity(_ json: JSON) throws(JSON.Mismatch) -> [Currency: Liquidity] {
        var liquidity: [Currency: Liquidity] = [:]
        for code in try keys(of: "/liquidity", in: json) {
            let place = "/liquidity" / code
            let currency = try currency(code, at: "/liquidity")
            let thresholds = Liquidity(
                low: try amount(at: place / "low", currency, in: json),
                restored: try amount(at: place / "restored", currency, in: json))
            guard let thresholds else {
                throw JSON.Mismatch(place / "restored", expected: "an amount not below `low`")
            }
            liquidity[currency] = thresholds
        }
        return liquidity
    }

    /// What a position holds before its first payment: nothing, where no opening balance is set.
    public func opening(of account: Identifier, _ currency: Currency) -> Position {
        let place = Place(account: account, currency: currency)
        return Position(opening: openings[place] ?? .zero)
    }

    /// `nil` where the currency is not watched.
    public func liquidity(of currency: Currency) -> Liquidity? { liquidity[currency] }

    private static func keys(of pointer: Pointer, in json: JSON) throws(JSON.Mismatch) -> [String] {
        guard json[pointer] != nil else { return [] }
        return try json.members(at: pointer).map(\.key)
    }

    private static func amount(at place: Pointer, _ currency: Currency, in json: JSON) throws(JSON.Mismatch) -> Amount {
        let amount = try json.amount(at: place)
        guard amount.decimals <= currency.decimals ?? 0 else {
            throw JSON.Mismatch(place, expected: "an amount no finer than the currency's smallest unit")
        }
        return amount
    }

    private static func currency(_ code: String, at pointer: Pointer) throws(JSON.Mismatch) -> Currency {
        guard let currency = Currency(iso: code) else {
            throw JSON.Mismatch(pointer / code, expected: "a currency of ISO 4217")
        }
        return currency
    }
}
