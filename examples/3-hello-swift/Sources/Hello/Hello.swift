/// A handler in Swift: greets every settled payment, and counts them in its state.

public import Kit

public struct Hello: TypedHandler {
    public static let id = "hello-swift"
    public static let summary = "Greets settled payments"
    public static let routes = [Route("qsl.payments", "Payment.Settled.v1")]
    public static let businessKey: [Pointer] = ["/paymentId"]
    public static let stateKeys: [KeyTemplate] = ["greeted"]

    public struct Config: Decodable {
        let greeting: String?
    }

    /// What the handler needs of the payload: the rest is ignored.
    public struct Payment: Decodable {
        let paymentId: Identifier
    }

    /// What it remembers.
    struct Greeted: Codable {
        var count = 0
    }

    private let greeting: String

    public init(config: Config) { greeting = config.greeting ?? "Good day" }

    public func handle(_ payment: Payment, _ event: Event, _ host: any Host) throws -> Outcome {
        var greeted = try host.read(Greeted.self, "greeted") ?? Greeted()
        greeted.count += 1
        try host.write(greeted, "greeted")
        host.log(.info, greeting, ["payment": payment.paymentId.text, "greeted": "\(greeted.count)"])
        return .done
    }
}
