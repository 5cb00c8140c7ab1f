/// The configuration of notifications.

public import Kit
import Vocabulary

/// What the operator sets; see the README.
public struct NotificationSettings: Sendable {
    /// By event type.
    let templates: [String: NoticeTemplate]
    /// For users who said none.
    public let preference: Preference
    /// Languages that are tried after the user's own; the last is that of the default preference.
    let fallback: [Locale]
    public let rate: RateLimit
    /// Who brings notices to people; `nil` for the stand-in.
    public let service: Identifier?
    /// How long a notice may wait.
    public let keep: Duration
    /// After which a delivery that got no answer is tried again.
    public let retry: Duration
    /// How long a notice is remembered as told.
    public let remember: Duration

    public init(json: JSON) throws(JSON.Mismatch) {
        preference = try Preference(json: json, at: "/defaults", revision: 0)
        guard !preference.channels.isEmpty else {
            throw JSON.Mismatch("/defaults/channels", expected: "one channel at least")
        }
        var fallback: [Locale] = []
        if json["/fallback"] != nil {
            for index in try json.array(at: "/fallback").indices {
                let place = "/fallback" / String(index)
                guard let locale = Locale(try json.string(at: place)) else {
                    throw JSON.Mismatch(place, expected: "a language tag")
                }
                fallback.append(locale)
            }
        }
        self.fallback = fallback + [preference.locale]
        let count = try json.integer(at: "/rate/count")
        guard RateLimit.countsAllowed.contains(count) else {
            throw JSON.Mismatch("/rate/count", expected: "a number from 1 to 100")
        }
        rate = RateLimit(count: count, window: try json.period(at: "/rate/window"))
        service = json["/service"] == nil ? nil : try json.identifier(at: "/service")
        guard (service?.text.utf8.count ?? 0) <= 64 else {
            throw JSON.Mismatch("/service", expected: "a name of at most 64 bytes")
        }
        keep = try json.period(at: "/queue/keep", default: .seconds(2 * 86_400))
        retry = try json.period(at: "/queue/retry", default: .seconds(60))
        remember = try json.period(at: "/remember", default: .seconds(30 * 86_400))
        guard remember >= keep else {
            throw JSON.Mismatch("/remember", expected: "no shorter a time than notifications may wait")
        }
        var templates: [String: NoticeTemplate] = [:]
        for member in try json.members(at: "/templates") {
            let place = "/templates" / member.key
            guard NotificationHandler.told.contains(where: { $0.detailType == member.key }) else {
                throw JSON.Mismatch(place, expected: "a detail type that this handler takes")
            }
            templates[member.key] = try NoticeTemplate(json: json, at: place, needed: preference.locale)
        }
        self.templates = templates
    }

    /// Locales in the order in which words are looked for.
    func locales(for preference: Preference) -> [String] { ([preference.locale] + fallback).flatMap(\.lookup) }

    /// The ways by which a user is told. A critical notice goes by the template's own where the user takes none.
    func channels(of template: NoticeTemplate, for preference: Preference) -> [Channel] {
        let wanted = preference.channels.filter(template.channels.contains)
        guard wanted.isEmpty, template.priority == .critical else { return wanted }
        return template.channels
    }
}
