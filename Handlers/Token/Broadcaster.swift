/// The way to the networks.

public import Kit
import Vocabulary

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
    /// - Throws: ``HostFailure/unavailable`` where nobody can be asked now; no network is blamed for it.
    func broadcast(
        _ request: TokenRequest, to network: Identifier, asked: Int, _ host: any Host
    ) throws(HostFailure) -> Answer
}

/// The service next door, by `eh.call/1`: `POST /broadcasts` with a key for each time that a network is asked, so that
/// asking again after a crash is the same question.
public struct ServiceBroadcaster: Broadcaster {
    private let service: String
    public init(_ service: Identifier) { self.service = service.text }

    /// So many calls an event may make.
    static let networksAtMost = 32
    /// Leaves room for a request's id within a key of 255 bytes.
    static let longestNetwork = 64

    /// | status | means |
    /// |---|---|
    /// | 202 | the network has not confirmed it yet |
    /// | other 2xx, with a `transactionId` | confirmed |
    /// | 410, 422 | it never will; the problem's `code` says why |
    /// | any other | nobody can be asked now |
    public func broadcast(
        _ request: TokenRequest, to network: Identifier, asked: Int, _ host: any Host
    ) throws(HostFailure) -> Answer {
        let answer = try host.call(
            ServiceRequest(
                service, path: "/broadcasts",
                json: .detail([
                    .requestID: request.id.json, .network: network.json, .action: .string(request.action.rawValue),
                    .token: request.token.json, .from: request.from?.json, .to: request.to?.json,
                    .quantity: request.action == .metadata ? nil : request.quantity.json,
                    .metadata: request.metadata?.json,
                ]), idempotencyKey: "\(request.id)/\(network)/\(asked)"))
        let body = (try? answer.json()) ?? .null
        switch answer.status {
        case 202: return .notYet
        case 200...299: return (try? body.identifier(at: .transactionID)).map { .confirmed(transaction: $0) } ?? .notYet
        case 410, 422:
            guard let reason = (try? body.identifier(at: .code)) ?? Identifier("refused") else { return .notYet }
            return .refused(reason: reason)
        default: throw .unavailable
        }
    }
}

/// Networks that are none: for development, and for tests.
public struct SimulatedNetworks: Broadcaster {
    /// Never confirm.
    public let failing: Set<Identifier>
    /// Confirm when they are asked again so often.
    public let slow: [Identifier: Int]

    public init(failing: Set<Identifier> = [], slow: [Identifier: Int] = [:]) {
        self.failing = failing
        self.slow = slow
    }

    public func broadcast(
        _ request: TokenRequest, to network: Identifier, asked: Int, _ host: any Host
    ) throws(HostFailure) -> Answer {
        guard !failing.contains(network), asked >= slow[network] ?? 0,
            let transaction = Identifier("simulated-\(request.id.text.suffix(100))")
        else { return .notYet }
        return .confirmed(transaction: transaction)
    }
}
