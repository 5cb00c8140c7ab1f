// What is kept of what happened: for how long, how much, and how often it is sealed.
import Events

public struct JournalSettings: SettingsGroup, Hashable {
    public enum Payloads: String, CaseIterable, Sendable { case none, keep }

    public var keep = Duration.days(30)
    /// `nil`: time alone bounds it.
    public var size: Int?
    public var payloads = Payloads.none
    public var segment = 1_000
    public var seal = Duration.minutes(1)
    /// `nil`: `signing.key`, where there is one.
    public var key: String?

    public init() {}

    static let section = Section<Self>(
        Setting(
            "keep", \.keep, .duration(.hours(1)...(.days(3_650))), change: .restart,
            "How long rows are kept. They go in whole segments, behind a sealed head."),
        Setting(
            "size", \.size, .or("none", .size(1_048_576...(1 << 44))), change: .restart,
            "Bytes of rows and payloads, roughly, beyond which the oldest go before their time."),
        Setting(
            "payloads", \.payloads, .choice, change: .restart,
            "keep: rows have their verified payload, or the body of a refused message, for as long as they are kept."),
        Setting(
            "segment", \.segment, .count(10...Limits.journalSegment), change: .restart,
            "Rows after which a head is sealed, and a segment ends."),
        Setting(
            "seal", \.seal, .duration(.seconds(1)...(.hours(1))), change: .restart,
            "How long a row waits for a sealed head at most."),
        Setting(
            "key", \.key, .or("signing", .path("/etc/outrigger/journal.key")), change: .restart,
            "The file with the private key that signs heads; by default `signing.key`. With neither they are unsigned."
        ))
}

/// A handler that is the journal alone: what is verified is written down, and nothing else is done.
/// What a row keeps is said under `journal`.
public struct JournalHandlerSettings: SettingsGroup, Hashable {
    public init() {}
    static let section = Section<Self>()
}
