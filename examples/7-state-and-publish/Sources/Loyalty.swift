/// A handler that remembers and tells: it keeps each user's points, and publishes when they reach a reward.

import Kit

struct Loyalty: TypedHandler {
    static let id = "loyalty"
    static let summary = "A point for each whole unit paid; tells when a reward is reached"
    static let routes = [Route("qsl.payments", "Payment.Settled.v1")]
    static let businessKey: [Pointer] = ["/paymentId"]
    static let stateKeys = [pointsKey]
    static let publishes = [reached]

    /// Declared above, so its value comes with the event. Only an `Identifier` fits into a key.
    static let pointsKey: KeyTemplate = "points:{/userId}"
    static let reached = Route("qsl.loyalty", "Reward.Reached.v1")

    struct Config: Decodable {
        let pointsPerReward: Int?
    }

    struct Payment: Decodable {
        let paymentId: Identifier
        let userId: Identifier
        let amount: Amount
    }

    /// The state: JSON, where an operator can read it.
    struct Account: Codable {
        var points = 0
        var rewards = 0
    }

    /// What is published: becomes the payload of an event that the host signs.
    struct Reward: Encodable {
        let userId: Identifier
        let rewards: Int
    }

    private let pointsPerReward: Int

    init(config: Config) throws {
        pointsPerReward = config.pointsPerReward ?? 100
        guard pointsPerReward > 0 else {
            throw JSON.Mismatch("/pointsPerReward", expected: "an integer greater than 0")
        }
    }

    func handle(_ payment: Payment, _ event: Event, _ host: any Host) throws -> Outcome {
        guard let points = payment.points else {
            throw Rejection("loyalty.amount", "an amount that nobody pays")
        }
        let key = try Self.pointsKey.key(in: event.detail)
        var account = try host.read(Account.self, key) ?? Account()
        account.points += points

        let rewards = account.points / pointsPerReward
        if rewards > account.rewards {
            try host.publish(
                Draft(
                    Self.reached, resource: "urn:qsl:loyalty:user:\(payment.userId)",
                    encoding: Reward(userId: payment.userId, rewards: rewards)))
            account.rewards = rewards
        }

        try host.write(account, key)
        host.count("points", by: UInt64(points))
        return .done
    }
}

extension Loyalty.Payment {
    /// Whole units of the amount; `nil` for what is negative or beyond a million.
    var points: Int? {
        Int(amount.text.prefix { $0 != "." }).flatMap { (0...1_000_000).contains($0) ? $0 : nil }
    }
}
