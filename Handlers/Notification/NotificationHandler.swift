/// Tells people what happened, once.

public import Kit

public struct NotificationHandler: Handler {
    public static let id = "notification"
    public static let summary = "Turns events into notices from templates, each sent once"
    public static let routes = [
        Route("qsl.payments", "Payment.Settled.v1"), Route("qsl.compliance", "Compliance.Blocked.v1"),
        Route("qsl.token", "Token.Confirmed.v1"),
    ]
    public static let publishes = [sent]
    /// State without declared keys: where a notice's id stands depends on the template.
    public static let services: [Service] = [.state, .publish]

    static let sent = Route("qsl.notification", "Notification.Sent.v1")

    /// A notice is remembered for this: longer than any queue keeps a late event.
    static let remembered = Duration.seconds(30 * 86_400)

    /// By detail type.
    private let templates: [String: NoticeTemplate]

    /// `{"templates": {"Payment.Settled.v1": {"about": "/paymentId", "recipient": "/userId", ...}}}`
    public init(config: JSON) throws {
        var templates: [String: NoticeTemplate] = [:]
        for member in try config.members(at: "/templates") {
            let place = "/templates" / member.key
            guard Self.routes.contains(where: { $0.detailType == member.key }) else {
                throw JSON.Mismatch(place, expected: "a detail type that this handler takes")
            }
            do {
                templates[member.key] = try NoticeTemplate(json: member.value)
            } catch {
                throw JSON.Mismatch(place.appending(error.pointer), expected: error.expected)
            }
        }
        self.templates = templates
    }

    public func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        guard let template = templates[event.detailType] else {
            host.count("without_template")
            return .done
        }
        let notice = try template.notice(of: event.detail, detailType: event.detailType)
        let key = "sent:\(notice.id)"
        guard try host.read(Sent.self, key) == nil else {
            host.count("sent_before")
            return .done
        }
        try host.publish(draft(of: notice))
        try host.write(Sent(channel: notice.channel, eventID: event.id), key, timeToLive: Self.remembered)
        host.log(.info, "notice sent", ["notice": notice.id, "channel": notice.channel.text])
        return .done
    }

    private func draft(of notice: Notice) -> Draft {
        Draft(
            Self.sent, resource: "urn:qsl:notification:notice:\(notice.id)",
            detail: [
                "notificationId": .string(notice.id), "recipient": .string(notice.recipient.text),
                "channel": .string(notice.channel.text), "subject": .string(notice.subject),
                "text": .string(notice.text),
            ])
    }
}
