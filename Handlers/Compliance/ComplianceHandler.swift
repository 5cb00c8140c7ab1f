/// Screens every payment before it goes on: cleared, or blocked by a rule.

public import Kit

public struct ComplianceHandler: Handler {
    public static let id = "compliance"
    public static let summary = "Clears or blocks payments by sanctions, limits and daily counts"
    public static let routes = [Route("qsl.payments", "Payment.Initiated.v1")]
    public static let businessKey: [Pointer] = ["/paymentId"]
    public static let stateKeys = [countKey]
    public static let publishes = [cleared, blocked]

    static let countKey: KeyTemplate = "cleared:{/userId}"
    static let cleared = Route("qsl.compliance", "Compliance.Cleared.v1")
    static let blocked = Route("qsl.compliance", "Compliance.Blocked.v1")

    private let settings: ComplianceSettings

    public init(config: JSON) throws { settings = try ComplianceSettings(json: config) }

    public func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        let payment = try Screened(json: event.detail)
        let key = try Self.countKey.key(in: event.detail)
        var count = try host.read(DailyCount.self, key) ?? DailyCount()
        let day = event.signedAt.day

        let rule = Screening(settings).brokenRule(payment, clearedToday: count[day])
        if rule == nil {
            count.add(day: day)
            try host.write(count, key, timeToLive: .seconds(DailyCount.days * 86_400))
        }
        try host.publish(verdict(on: payment, rule))
        host.count("verdicts", ["rule": rule?.rawValue ?? "none"])
        return .done
    }

    /// Names the rules and their version, and no person but by the user's id.
    private func verdict(on payment: Screened, _ rule: Rule?) -> Draft {
        let asked = rule.map { JSON.string($0.rawValue) } ?? .array(Rule.allCases.map { .string($0.rawValue) })
        return Draft(
            rule == nil ? Self.cleared : Self.blocked,
            resource: "urn:qsl:compliance:payment:\(payment.paymentID)",
            detail: [
                "paymentId": .string(payment.paymentID.text), "userId": .string(payment.userID.text),
                rule == nil ? "rules" : "rule": asked, "version": .string(settings.version.text),
            ])
    }
}
