/// The port to whoever brings a notification to a person.

public import Kit
import Vocabulary

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

/// The service next door, by `eh.call/1`: `POST /notifications` with a key that stays the same, so that a notice is
/// told once though it is handed over again after a crash.
public struct ServiceDelivery: Delivery {
    /// The service's name in the sidecar's configuration.
    public let name: String
    public init(_ service: Identifier) { name = service.text }

    /// | status | means |
    /// |---|---|
    /// | 2xx | taken |
    /// | 409 | taken before, in other words or by another channel: settings or preferences changed in between |
    /// | 410, 422 | never by this channel |
    /// | any other | not now |
    public func deliver(_ notice: Notice, by channel: Channel, _ host: any Host) throws(HostFailure) -> DeliveryAnswer {
        let answer = try host.call(
            ServiceRequest(
                name, path: "/notifications",
                json: .detail([
                    .notificationID: .string(notice.id), .channel: .string(channel.rawValue),
                    .recipient: notice.recipient.json, .priority: .string(notice.priority.rawValue),
                    .locale: .string(notice.locale), .subject: .string(notice.subject), .text: .string(notice.text),
                ]), idempotencyKey: "\(notice.id)/\(channel.rawValue)"))
        switch answer.status {
        case 200...299, 409: return .accepted
        case 410, 422: return .refused
        default: throw .unavailable
        }
    }
}

/// Takes everything and brings it nowhere: for development, and wherever no service is named. Events say
/// `"delivery": "stand-in"`, so that nobody takes them for delivered.
public struct StandInDelivery: Delivery {
    public let name = "stand-in"
    public init() {}

    public func deliver(_ notice: Notice, by channel: Channel, _ host: any Host) throws(HostFailure) -> DeliveryAnswer {
        .accepted
    }
}
