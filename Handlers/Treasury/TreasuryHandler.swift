/// Keeps positions by payment events, and tells when liquidity is low.

public import Kit

public struct TreasuryHandler: Handler {
    public static let id = "treasury"
    public static let summary = "Positions per account and currency; tells when liquidity is low"
    public static let routes = [
        Route("qsl.payments", "Payment.Initiated.v1"), Route("qsl.payments", "Payment.Authorized.v1"),
        Route("qsl.payments", "Payment.Settled.v1"), Route("qsl.payments", "Payment.Failed.v1"),
    ]
    public static let businessKey: [Pointer] = ["/paymentId"]
    public static let stateKeys = [paymentKey, positionKey]
    public static let publishes = [low, restored]

    static let paymentKey: KeyTemplate = "payment:{/paymentId}"
    static let positionKey: KeyTemplate = "position:{/account}:{/currency}"
    static let low = Route("qsl.treasury", "Liquidity.Low.v1")
    static let restored = Route("qsl.treasury", "Liquidity.Restored.v1")

    /// A finished payment is forgotten after this: longer than any queue keeps a late event of it.
    static let finishedPayments = Duration.seconds(30 * 86_400)

    private let settings: TreasurySettings

    public init(config: JSON) throws { settings = try TreasurySettings(json: config) }

    public func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        guard let step = Step(detailType: event.detailType) else {
            throw Rejection("treasury.unknown-step", "not a step of a payment")
        }
        let payment = try Payment(json: event.detail)
        let paymentKey = try Self.paymentKey.key(in: event.detail)
        let positionKey = try Self.positionKey.key(in: event.detail)

        let known = try host.read(Progress.self, paymentKey)
        guard known == nil || known?.payment == payment else {
            throw Rejection("treasury.terms-changed", "account, direction, amount or currency differ from before")
        }
        if let known, known.step >= step {
            host.count("late_events")
            return .done
        }

        let before = try host.read(Position.self, positionKey) ?? settings.opening(of: payment)
        var position = try before.moving(payment, from: known?.step, to: step)
        try tell(payment, &position, host)
        try host.write(position, positionKey)
        try host.write(
            Progress(payment: payment, step: step), paymentKey,
            timeToLive: step.isFinal ? Self.finishedPayments : nil)
        return .done
    }

    /// Publishes a signal where the position crossed a threshold, and notes it in the position.
    private func tell(_ payment: Payment, _ position: inout Position, _ host: any Host) throws {
        let currency = payment.money.currency
        let available = try position.available()
        guard let liquidity = settings.liquidity(of: currency),
            let signal = liquidity.signal(available: available, isLow: position.isLow)
        else { return }
        position.isLow = signal == .low
        try host.publish(
            Draft(
                signal == .low ? Self.low : Self.restored,
                resource: "urn:qsl:treasury:position:\(payment.account)-\(currency)",
                detail: [
                    "account": .string(payment.account.text), "currency": .string(currency.code),
                    "available": available.json, "threshold": liquidity.threshold(of: signal).json,
                    "paymentId": .string(payment.id.text),
                ]))
    }
}
