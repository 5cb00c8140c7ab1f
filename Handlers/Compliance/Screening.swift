/// The rules of compliance, in the order in which they are asked.

public import Kit

/// What is screened: the members of `Payment.Initiated.v1` that a rule reads.
public struct Screened: Sendable {
    public let paymentID: Identifier
    public let userID: Identifier
    public let money: Money
    public let names: [NormalisedName]

    public init(json: JSON) throws(JSON.Mismatch) {
        paymentID = try json.identifier(at: "/paymentId")
        userID = try json.identifier(at: "/userId")
        money = try Money(of: json)
        var names: [NormalisedName] = []
        for pointer in ["/payer/name", "/payee/name"] as [Pointer] {
            let name = NormalisedName(try json.string(at: pointer))
            guard !name.isEmpty else { throw JSON.Mismatch(pointer, expected: "a name") }
            names.append(name)
        }
        self.names = names
    }
}

/// Names of rules, as events carry them.
public enum Rule: String, CaseIterable, Sendable {
    case sanctionedName = "sanctioned-name"
    case currencyNotAllowed = "currency-not-allowed"
    case amountOverLimit = "amount-over-limit"
    case tooManyToday = "too-many-today"
}

public struct Screening: Sendable {
    private let settings: ComplianceSettings
    public init(_ settings: ComplianceSettings) { self.settings = settings }

    /// The first rule that the payment breaks, or `nil`.
    ///
    /// - Parameter clearedToday: payments of this user that were cleared on the day of this one.
    public func brokenRule(_ payment: Screened, clearedToday: Int) -> Rule? {
        if payment.names.contains(where: settings.sanctioned.contains) { return .sanctionedName }
        guard let limit = settings.limits[payment.money.currency] else { return .currencyNotAllowed }
        if payment.money.amount > limit { return .amountOverLimit }
        return clearedToday >= settings.paymentsPerDay ? .tooManyToday : nil
    }
}
