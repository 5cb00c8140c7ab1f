/// The rules' configuration, under a version that every verdict names.

public import Kit

/// `{"version": "2026-11", "limits": {"EUR": "10000"}, "paymentsPerDay": 20, "sanctioned": ["Jane Example"]}`
public struct ComplianceSettings: Sendable {
    public let version: Identifier
    /// The most that one payment may be. A currency without a limit is not allowed.
    public let limits: [Currency: Amount]
    /// Payments of one user that are cleared on one day (UTC).
    public let paymentsPerDay: Int
    public let sanctioned: Set<NormalisedName>

    public init(json: JSON) throws(JSON.Mismatch) {
        version = try json.identifier(at: "/version")
        var limits: [Currency: Amount] = [:]
        for member in try json.members(at: "/limits") {
            let place = "/limits" / member.key
            guard let currency = Currency(member.key) else {
                throw JSON.Mismatch(place, expected: "a currency code of three capital letters")
            }
            limits[currency] = try json.positiveAmount(at: place)
        }
        self.limits = limits
        paymentsPerDay = try json.integer(at: "/paymentsPerDay")
        guard paymentsPerDay > 0 else { throw JSON.Mismatch("/paymentsPerDay", expected: "a number above zero") }
        var sanctioned: Set<NormalisedName> = []
        for index in try json.array(at: "/sanctioned").indices {
            let place = "/sanctioned" / String(index)
            let name = NormalisedName(try json.string(at: place))
            guard !name.isEmpty else { throw JSON.Mismatch(place, expected: "a name") }
            sanctioned.insert(name)
        }
        self.sanctioned = sanctioned
    }
}
