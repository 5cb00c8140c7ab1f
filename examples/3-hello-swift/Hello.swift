/// A handler in Swift: greets every settled payment, and counts them in its state.

import Kit

struct Hello: Handler {
    static let id = "hello-swift"
    static let summary = "Greets settled payments"
    static let routes = [Route("qsl.payments", "Payment.Settled.v1")]
    static let businessKey: [Pointer] = ["/paymentId"]
    static let stateKeys: [KeyTemplate] = ["greeted"]

    private let greeting: String

    /// `{"greeting": "Good morning"}`
    init(config: JSON) throws { greeting = try config.string(at: "/greeting") }

    func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        var greeted = try host.read(Greeted.self, "greeted") ?? Greeted(count: 0)
        greeted.count += 1
        try host.write(greeted, "greeted")
        host.log(.info, greeting, ["greeted": String(greeted.count)])
        return .done
    }
}

struct Greeted: StateRecord {
    var count: Int
    var json: JSON { ["count": .number(JSON.Number(count))] }

    init(count: Int) { self.count = count }
    init(json: JSON) throws(JSON.Mismatch) { count = try json.integer(at: "/count") }
}
