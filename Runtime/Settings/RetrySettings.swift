// When an event is tried again.
import Events

public struct RetrySettings: SettingsGroup, Hashable {
    public enum Jitter: String, CaseIterable, Sendable { case full, equal, none }

    public var attempts = 8
    public var base = Duration.seconds(1)
    public var cap = Duration.minutes(15)
    public var jitter = Jitter.full
    /// `nil`: as long as the queue keeps it.
    public var age: Duration?
    public var classes: [RetryClassSettings] = []

    public init() {}

    static let section = Section<Self>(
        Setting("attempts", \.attempts, .attempts, "Runs that count, before the event is dead-lettered."),
        Setting("base", \.base, .retryBase, "The longest first wait; it doubles with each attempt."),
        Setting("cap", \.cap, .retryCap, "The longest wait."),
        Setting(
            "jitter", \.jitter, .choice,
            "How a wait is drawn. full: from zero to the longest; equal: from half of it; none: the longest."),
        Setting(
            "age", \.age, .or("none", .duration(.seconds(1)...(.days(14)))),
            "From its first receipt on: after that it is dead-lettered, whatever is left of its attempts."),
        Setting(
            "classes", \.classes, .sections(atMost: Limits.retryClasses),
            "Failures that have attempts and waits of their own, and take none of the others'."))

    /// The longest that all waits together can be.
    var longest: Duration {
        let own = Self.longest(attempts, base, cap)
        let all = classes.reduce(own) { $0 + Self.longest($1.attempts, $1.base, $1.cap) }
        return min(all, age ?? all)
    }

    private static func longest(_ attempts: Int, _ base: Duration, _ cap: Duration) -> Duration {
        var total = Duration.zero, wait = base
        for _ in 1..<max(attempts, 1) {
            total += min(wait, cap)
            if wait < cap { wait = wait * 2 }
        }
        return total
    }
}

extension RetrySettings {
    func check(at path: String, _ reader: inout Reader) {
        var reasons: Set<String> = []
        if base > cap { reader.error("\(path).base", "It is longer than cap.", "Shorten base, or raise cap.") }
        for each in classes {
            let path = "\(path).classes[\(each.reason)]"
            if each.base > each.cap {
                reader.error("\(path).base", "It is longer than cap.", "Shorten base, or raise cap.")
            }
            if !reasons.insert(each.reason).inserted {
                reader.error("\(path).reason", found: each.reason, "It is listed twice.", "Keep one of them.")
            }
        }
    }
}

public struct RetryClassSettings: SettingsGroup, Hashable {
    public var reason = ""
    public var attempts = 8
    public var base = Duration.seconds(1)
    public var cap = Duration.minutes(15)
    public var jitter = RetrySettings.Jitter.full

    public init() {}

    static let section = Section<Self>(
        Setting(
            "reason", \.reason, .name("rate-limited"), required: true, example: "rate-limited",
            "The code of the reason that the handler gives; state-conflict is the sidecar's own."),
        Setting("attempts", \.attempts, .attempts, "As above, of this class."),
        Setting("base", \.base, .retryBase, "As above."),
        Setting("cap", \.cap, .retryCap, "As above."),
        Setting("jitter", \.jitter, .choice, "As above."))
}

extension Form where Value == Int {
    fileprivate static var attempts: Form { .count(1...1_000) }
}

extension Form where Value == Duration {
    fileprivate static var retryBase: Form { .duration(.milliseconds(10)...(.hours(1))) }
    fileprivate static var retryCap: Form { .duration(.milliseconds(10)...(.hours(6))) }
}
