/// How the notifications of one event type are made.

import Kit
import Vocabulary

public struct NoticeTemplate: Sendable {
    /// Where the event says what it is about. Each value is told of once.
    let about: Pointer
    let recipient: Recipient
    let priority: Priority
    /// Those that suit it; all, unless set.
    let channels: [Channel]
    /// Repeats within this window after the first become one notification; `nil` sends each.
    let digestWindow: Duration?
    /// By locale.
    private let wordings: [String: Wording]
    private let digests: [String: Wording]

    enum Recipient: Sendable {
        /// Where the event says whom to tell: an id that the delivery service resolves, never an address.
        case member(Pointer)
        /// Always the same: a desk, a team.
        case fixed(Identifier)
    }

    /// Whom an event is told to.
    func recipient(of detail: JSON) throws(JSON.Mismatch) -> Identifier {
        switch recipient {
        case .member(let place): try detail.identifier(at: place)
        case .fixed(let recipient): recipient
        }
    }

    /// What is told once: the event type, and the value at `about`.
    func noticeID(of detail: JSON, _ eventType: String) throws(JSON.Mismatch) -> String {
        "\(eventType):\(try detail.identifier(at: about))"
    }

    /// The first locale in which there are words.
    func locale(for wanted: [String]) -> String { wanted.first { wordings[$0] != nil } ?? "" }

    func words(_ locale: String, _ detail: JSON) throws -> (subject: String, text: String) {
        guard let wording = wordings[locale] else {
            throw Rejection("notification.no-wording", "there are no words in a language of this user")
        }
        return try wording.filled(from: detail)
    }

    func digestWords(_ locale: String, count: Int) throws -> (subject: String, text: String)? {
        try digests[locale]?.filled(from: ["count": .number(JSON.Number(count))])
    }

    /// - Parameter needed: a locale that must be there, so that no user is left without words
    init(json: JSON, at place: Pointer, needed: Locale) throws(JSON.Mismatch) {
        about = try NoticeTemplate.pointer(at: place / "about", in: json)
        if json[place / "recipientId"] != nil {
            recipient = .fixed(try json.identifier(at: place / "recipientId"))
        } else {
            recipient = .member(try NoticeTemplate.pointer(at: place / "recipient", in: json))
        }
        priority = try json.optional(at: place / "priority", Priority.init) ?? .normal
        channels = try json.optionalList(at: place / "channels", Channel.init) ?? Channel.allCases
        digestWindow = json[place / "digest"] == nil ? nil : try json.period(at: place / "digest")
        var wordings: [String: Wording] = [:]
        var digests: [String: Wording] = [:]
        for member in try json.members(at: place / "locales") {
            let words = place / "locales" / member.key
            guard let locale = Locale(member.key) else { throw JSON.Mismatch(words, expected: "a language tag") }
            wordings[locale.tag] = try Wording(json: json, at: words)
            if digestWindow != nil { digests[locale.tag] = try Wording(json: json, at: words / "digest") }
        }
        guard wordings[needed.tag] != nil else {
            throw JSON.Mismatch(place / "locales" / needed.tag, expected: "words in the default locale")
        }
        for (tag, wording) in digests { try NoticeTemplate.check(wording, at: place / "locales" / tag / "digest") }
        (self.wordings, self.digests) = (wordings, digests)
    }

    /// A digest knows its count, and nothing of the events.
    private static func check(_ wording: Wording, at place: Pointer) throws(JSON.Mismatch) {
        do { _ = try wording.filled(from: ["count": 1]) } catch {
            throw JSON.Mismatch(place, expected: "no place but {/count}")
        }
    }

    private static func pointer(at place: Pointer, in json: JSON) throws(JSON.Mismatch) -> Pointer {
        guard let pointer = Pointer(parsing: try json.string(at: place)) else {
            throw JSON.Mismatch(place, expected: "a JSON Pointer")
        }
        return pointer
    }
}
