import Foundation

/// How much the long tests do: enough to find what breaks in a test run, all of it by `Tests/Chaos/run`.
enum Extent {
    private static let environment = ProcessInfo.processInfo.environment
    private static func number(_ name: String) -> Int? { environment["CHAOS_" + name].flatMap { Int($0) } }

    static let isFull = environment.keys.contains { $0.hasPrefix("CHAOS_") }
    /// Minutes that one test may take.
    static let timeLimit = isFull ? 120 : 10
    static let seed = environment["CHAOS_SEED"].flatMap { UInt64($0) } ?? 1
    /// How long a storm rages at least, after each of its blows has struck once.
    static let minutes = number("MINUTES") ?? 0
    static let kills = number("KILLS") ?? 3
    /// Of this many events each kill gets its share.
    static let eventsPerKill = number("KILLS") == nil ? 200 : 500
    static let reloads = number("RELOADS") ?? 15
    /// What many sidecars share, in events, and how many they are.
    static let shared = number("SHARED") ?? 300
    static let sidecars = number("SHARED") == nil ? 2 : 4
    static let store = environment["CHAOS_STORE"] ?? "postgresql"
}
