/// A moment, in whole milliseconds since 1970-01-01T00:00:00Z.
///
/// The only notion of "now" in the sidecar's decisions. It is always passed in, never asked for.
public struct Instant: Hashable, Comparable, Sendable {
    public let unixMilliseconds: Int64

    public init(unixMilliseconds: Int64) { self.unixMilliseconds = unixMilliseconds }
    public init(unixSeconds: Int64) { unixMilliseconds = unixSeconds * 1000 }

    public static let distantPast = Instant(unixMilliseconds: 0)
    public static let distantFuture = Instant(unixMilliseconds: .max / 4)

    public static func < (a: Instant, b: Instant) -> Bool { a.unixMilliseconds < b.unixMilliseconds }
    public static func + (a: Instant, b: Duration) -> Instant {
        Instant(unixMilliseconds: a.unixMilliseconds &+ b.milliseconds)
    }
    public static func - (a: Instant, b: Duration) -> Instant {
        Instant(unixMilliseconds: a.unixMilliseconds &- b.milliseconds)
    }
    public static func - (a: Instant, b: Instant) -> Duration {
        .milliseconds(a.unixMilliseconds &- b.unixMilliseconds)
    }
}

extension Duration {
    /// Whole milliseconds, rounded towards zero.
    public var milliseconds: Int64 {
        // 10^15 is 2^15 times 5^15: what lies within a week is divided with 64 bits.
        if let short = UInt64(exactly: attoseconds >> 15) { return Int64(short / 30_517_578_125) }
        return components.seconds &* 1000 &+ components.attoseconds / 1_000_000_000_000_000
    }
    /// Whole seconds, rounded up: what a queue that counts in seconds must be asked for.
    public var wholeSeconds: Int {
        Int(components.seconds) + (components.attoseconds > 0 ? 1 : 0)
    }
    public static func minutes(_ count: Int64) -> Duration { .seconds(60 * count) }
    public static func hours(_ count: Int64) -> Duration { .seconds(3600 * count) }
    public static func days(_ count: Int64) -> Duration { .seconds(86400 * count) }
}
