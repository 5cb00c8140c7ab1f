/// One notification: for whom, by which way, in which words.

public import Kit

public enum Priority: String, CaseIterable, Hashable, Comparable, Sendable, Codable {
    case low, normal
    /// Passes quiet hours, digests, limits and the queue.
    case critical

    public static func < (a: Priority, b: Priority) -> Bool { a.rank < b.rank }
    private var rank: Int { Priority.allCases.firstIndex(of: self) ?? 0 }
}

public enum Channel: String, CaseIterable, Hashable, Sendable, Codable {
    case email, sms, push
    case inApp = "in-app"
}

/// Codable, because what waits in a user's queue is kept in state.
public struct Notice: Hashable, Sendable, Codable {
    /// The same for every event about the same thing: `Payment.Settled.v1:P-1`.
    public let id: String
    public let eventType: String
    public let recipient: Identifier
    public let priority: Priority
    /// The ways to try, in this order, until one takes it.
    public let channels: [Channel]
    public let locale: String
    public let subject: String
    public let text: String
    /// How many it stands for, where it is a digest.
    public var count: Int? = nil
}
