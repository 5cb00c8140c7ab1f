/// Tells people what happened, once, by the way and at the time that they prefer.

public import Kit
import Vocabulary

public struct NotificationHandler: Handler {
    public static let id = "notification"
    public static let summary = "Turns events into notifications by templates and preferences, each told once"
    /// The events that may have a template.
    public static let told: [Route] = [
        .paymentInitiated, .paymentAuthorized, .paymentSettled, .paymentFailed, .paymentReleased, .workflowFailed,
        .liquidityLow, .liquidityRestored, .settlementReconciled, .settlementMismatched, .complianceCleared,
        .complianceReviewRequired, .complianceBlocked, .tokenConfirmed, .tokenPartiallyConfirmed, .tokenFailed,
        .userRegistered, .userUpdated,
    ]
    public static let routes: [Route] = told + [.preferenceChanged]
    public static let publishes: [Route] = [.notificationSent, .notificationFailed]
    /// Where the recipient of an event usually stands; a template may name another place.
    public static let stateKeys: [KeyTemplate] = [
        "mailbox:{/userId}", "mailbox:{/owner}", "preference:{/userId}", "preference:{/owner}",
    ]
    public static let services: [Service] = [.state, .publish, .timer]
    public static let configSchema: String? = NotificationSettings.schema

    private let settings: NotificationSettings
    private let delivery: any Delivery

    public init(config: JSON) throws {
        let settings = try NotificationSettings(json: config)
        self.init(settings, settings.service.map(ServiceDelivery.init) ?? StandInDelivery())
    }

    public init(config: JSON, delivery: any Delivery) throws {
        self.init(try NotificationSettings(json: config), delivery)
    }

    private init(_ settings: NotificationSettings, _ delivery: any Delivery) {
        self.settings = settings
        self.delivery = delivery
    }

    public func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        let desk = Desk(
            settings: settings, now: NotificationHandler.now(event, host),
            outbound: Outbound(delivery: delivery, remember: settings.remember, eventID: event.id, host: host))
        if event.isTimer {
            try desk.release(for: event.detail.identifier(at: .userID))
        } else if Route(event.source, event.detailType) == .preferenceChanged {
            try desk.adopt(Preference(event: event.detail), of: event.detail.identifier(at: .userID))
        } else if let template = settings.templates[event.detailType] {
            try desk.tell(event, template)
        } else {
            host.count("without_template")
        }
        return .done
    }

    /// The host has no clock to ask, but says when the answer is due, and how long that is.
    private static func now(_ event: Event, _ host: any Host) -> Timestamp {
        max(event.signedAt, event.sentAt, event.deadline + (.zero - host.remaining))
    }
}
