/// The port to whoever brings a notification to a person.

public import Kit

/// What the delivery service says to one notice by one channel.
public enum DeliveryAnswer: Hashable, Sendable {
    case accepted
    /// Never by this channel: the user has no address there, or it does not exist.
    case refused
}

/// The co-located service that knows addresses and gateways.
public protocol Delivery: Sendable {
    /// As `Notification.Sent.v1` names it.
    var name: String { get }

    /// Hands a notice over. It may come again after a crash, so ``Notice/id`` is its idempotency key.
    /// - Throws: ``HostFailure/unavailable`` where the service gives no answer now.
    func deliver(_ notice: Notice, by channel: Channel, _ host: any Host) throws(HostFailure) -> DeliveryAnswer
}

/// Takes everything and brings it nowhere: for `outrigger dev`, and wherever no service is connected. Events say
/// `"delivery": "stand-in"`, so that nobody takes them for delivered.
public struct StandInDelivery: Delivery {
    public let name = "stand-in"
    public init() {}

    public func deliver(_ notice: Notice, by channel: Channel, _ host: any Host) throws(HostFailure) -> DeliveryAnswer {
        .accepted
    }
}
