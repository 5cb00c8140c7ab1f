/// What a user prefers: languages, channels, and when not to be disturbed.

public import Kit
import Vocabulary

/// Kept in state as the newest `Preference.Changed.v1` said it.
public struct Preference: Hashable, Sendable {
    /// A later one replaces an earlier one, in whatever order they come. 0 is the configured default.
    public let revision: Int
    public let locale: Locale
    /// In the order in which they are tried. None: this user is told of critical things alone.
    public let channels: [Channel]
    let quietHours: QuietHours?

    /// As it is kept.
    public let json: JSON

    /// - Parameter json: the payload of the event, or the part of the configuration
    init(json: JSON, at place: Pointer, revision: Int) throws(JSON.Mismatch) {
        guard let locale = Locale(try json.string(at: place / "locale")) else {
            throw JSON.Mismatch(place / "locale", expected: "a language tag")
        }
        self.locale = locale
        self.revision = revision
        guard let channels = try json.optionalList(at: place / "channels", Channel.init) else {
            throw JSON.Mismatch(place / "channels", expected: "a list of channels")
        }
        self.channels = channels
        let timeZone = try json.string(at: place / "timeZone")
        quietHours = try QuietHours(json: json, at: place)
        self.json = JSON.detail([
            .revision: .number(JSON.Number(revision)), .locale: .string(locale.tag),
            .channels: .array(channels.map { .string($0.rawValue) }), .timeZone: .string(timeZone),
            .quietHours: json[place / "quietHours"],
        ])
    }

    /// - Throws: ``JSON/Mismatch`` for a payload that is no preference.
    init(event detail: JSON) throws(JSON.Mismatch) {
        let revision = try detail.integer(at: Field.revision.pointer)
        guard (1...1_000_000_000).contains(revision) else {
            throw JSON.Mismatch(Field.revision.pointer, expected: "a number from 1 to 1000000000")
        }
        try self.init(json: detail, at: "", revision: revision)
    }
}

extension Preference: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        try self.init(json: json, at: "", revision: json.integer(at: Field.revision.pointer))
    }
}
