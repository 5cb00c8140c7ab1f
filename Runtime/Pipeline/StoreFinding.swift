import Events

/// What looking at a store from outside found: for operators, before sidecars use it.
public struct StoreFinding: Sendable, Hashable {
    public enum Verdict: String, Sendable {
        /// As it must be.
        case fit
        /// Works, and is worth knowing.
        case note
        /// No sidecar can work with it.
        case unfit
    }
    public let verdict: Verdict
    /// What was looked at: "server", "schema", "clock".
    public let subject: String
    public let words: String
    /// What to do; empty where nothing is to be done.
    public let advice: String

    public init(_ verdict: Verdict, _ subject: String, _ words: String, advice: String = "") {
        self.verdict = verdict
        self.subject = subject
        self.words = words
        self.advice = advice
    }

    /// How far a store's clock and ours are apart. What the way there took is no difference.
    public static func clock(ahead: Duration, within uncertainty: Duration, harm: String) -> StoreFinding {
        let apart = max(.zero, (ahead < .zero ? .zero - ahead : ahead) - uncertainty)
        let words = "\(apart < .seconds(1) ? "less than a second" : "\(apart.wholeSeconds) s") "
            + "\(ahead < .zero ? "behind" : "ahead of") this machine's"
        guard apart > .seconds(2) else { return StoreFinding(.fit, "clock", words) }
        return StoreFinding(.note, "clock", words + ": \(harm)", advice: "Set both by NTP.")
    }
}
