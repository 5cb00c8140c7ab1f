/// The way to the networks.

public import Kit

/// What a network says to a request.
public enum Answer: Hashable, Sendable {
    case confirmed(transaction: Identifier)
    /// It will never do it.
    case refused(reason: Identifier)
    /// No answer, or none that is final: ask again.
    case notYet
}

/// Brings a request to a network.
public protocol Broadcaster: Sendable {
    /// Asks a network to do it, or whether it has done it: the request's id makes asking again harmless. It happens at
    /// once, and may happen again for the same `asked`, since it is no part of the event's commit.
    ///
    /// - Parameter asked: how often this network was asked before
    func broadcast(_ request: TokenRequest, to network: Identifier, asked: Int) throws -> Answer
}

/// Networks that are none: for `outrigger dev`, and for tests.
public struct SimulatedNetworks: Broadcaster {
    /// Never confirm.
    public let failing: Set<Identifier>
    /// Confirm when they are asked again so often.
    public let slow: [Identifier: Int]

    public init(failing: Set<Identifier> = [], slow: [Identifier: Int] = [:]) {
        self.failing = failing
        self.slow = slow
    }

    public func broadcast(_ request: TokenRequest, to network: Identifier, asked: Int) -> Answer {
        guard !failing.contains(network), asked >= slow[network] ?? 0,
            let transaction = Identifier("simulated-\(request.id.text.suffix(100))")
        else { return .notYet }
        return .confirmed(transaction: transaction)
    }
}
