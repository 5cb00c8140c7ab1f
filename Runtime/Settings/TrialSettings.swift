// A second build of a handler's plugin, tried beside the one that serves.
public import Events

public struct TrialSettings: SettingsGroup, Hashable {
    public enum Kind: String, CaseIterable, Sendable { case shadow, canary }

    public var kind = Kind.shadow
    public var plugin = ""
    public var sha256: Digest?
    /// `nil`: that of the handler.
    public var config: Bytes?
    /// Percent.
    public var share = 10
    /// Percentage points.
    public var margin = 5
    public var leastEvents = 100
    public var window = Duration.minutes(5)

    public init() {}

    static let section = Section<Self>(
        Setting(
            "kind", \.kind, .choice, required: true, example: "canary",
            "shadow: it runs copies, and what it would do is compared. canary: it runs events, and that counts."),
        Setting(
            "plugin", \.plugin, .path("/opt/outrigger/libhello-2.so"), required: true,
            example: "/opt/outrigger/libhello-2.so", "The plugin file of the second build."),
        Setting(
            "sha256", \.sha256, .or("none", .sha256), "What the plugin file must hash to. Any other file is refused."),
        Setting(
            "config", \.config, .or("same", .freeObject), "Its configuration; by default that of the handler."),
        Setting(
            "share", \.share, .count(1...100),
            "The percentage of events that it gets. Those of one business key go to one build."),
        Setting(
            "margin", \.margin, .count(0...100),
            "By how many percentage points a canary may fail more often before it is rolled back."),
        Setting(
            "least-events", \.leastEvents, .count(1...1_000_000), "The canary's events after which it is judged."),
        Setting(
            "window", \.window, .duration(.seconds(1)...(.hours(24))),
            "When it is judged at the latest, and its counts begin anew."))
}
