/// Hands notices to the delivery service, remembers them, and says what came of each.

import Kit
import Vocabulary

/// What is remembered of a notice, so that it is told once.
struct Told: Hashable, Sendable, Codable {
    enum Status: String, Codable {
        case sent, waiting, digested, failed
    }
    let status: Status
    let eventID: String
}

/// Why a notice was not delivered, as `Notification.Failed.v1` says it.
enum Undelivered: String {
    case noChannel = "notification.no-channel"
    case refused = "notification.refused"
    case queueFull = "notification.queue-full"
    case expired = "notification.expired"
}

struct Outbound {
    let delivery: any Delivery
    let remember: Duration
    let eventID: String
    let host: any Host

    func wasTold(_ id: String) throws(HostFailure) -> Bool { try host.read(Told.self, "told:\(id)") != nil }

    func note(_ id: String, _ status: Told.Status) throws(HostFailure) {
        try host.write(Told(status: status, eventID: eventID), "told:\(id)", timeToLive: remember)
    }

    /// Tries its channels in order.
    /// - Returns: true if one took it.
    /// - Throws: ``HostFailure/unavailable`` where the service gives no answer: nothing was noted or said.
    func deliver(_ notice: Notice) throws(HostFailure) -> Bool {
        for channel in notice.channels {
            switch try delivery.deliver(notice, by: channel, host) {
            case .accepted:
                try note(notice.id, .sent)
                try say(
                    .notificationSent, notice,
                    [.channel: .string(channel.rawValue), .delivery: .string(delivery.name)])
                host.count("sent", ["channel": channel.rawValue, "priority": notice.priority.rawValue])
                return true
            case .refused: continue
            }
        }
        try fail(notice, .refused)
        return false
    }

    func fail(_ notice: Notice, _ why: Undelivered) throws(HostFailure) {
        try note(notice.id, .failed)
        try say(.notificationFailed, notice, [.reason: .string(why.rawValue)])
        host.count("failed", ["reason": why.rawValue])
    }

    /// Whom, what about, by which way: no words of it.
    private func say(
        _ route: Route, _ notice: Notice, _ members: KeyValuePairs<Field, JSON>
    ) throws(HostFailure) {
        var detail = JSON.Members()
        for (field, value) in members { detail.set(field.name, value) }
        detail.set(Field.notificationID.name, .string(notice.id))
        detail.set(Field.recipient.name, notice.recipient.json)
        detail.set(Field.eventType.name, .string(notice.eventType))
        detail.set(Field.priority.name, .string(notice.priority.rawValue))
        detail.set(Field.locale.name, .string(notice.locale))
        if let count = notice.count { detail.set(Field.count.name, .number(JSON.Number(count))) }
        try host.publish(Draft(route, resource: Resource.notification(notice.id), detail: .object(detail)))
        host.log(
            .info, route.detailType, ["event_type": notice.eventType, "priority": notice.priority.rawValue])
    }
}
