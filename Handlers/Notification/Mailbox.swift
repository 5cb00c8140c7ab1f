/// What is remembered of one user's notifications: what went lately, what waits, what is being digested.

public import Kit

/// Small and bounded: waiting notices are kept under keys of their own, and here by id.
public struct Mailbox: Hashable, Sendable, Codable {
    public struct Waiting: Hashable, Sendable, Codable {
        public let id: String
        public let priority: Priority
        public let since: Timestamp
    }
    public struct Digest: Hashable, Sendable, Codable {
        public let since: Timestamp
        public let until: Timestamp
        public var count: Int
    }

    /// Notices that may wait for one user.
    public static let queueAtMost = 100

    /// When notices went that count for the rate limit, oldest first.
    public private(set) var sent: [Timestamp] = []
    public private(set) var queue: [Waiting] = []
    /// By event type.
    public private(set) var digests: [String: Digest] = [:]

    public init() {}

    public var isIdle: Bool { queue.isEmpty && digests.isEmpty }

    // MARK: - when something may go

    /// When the next notice that is not critical may go: `now`, or after the quiet hours and within the rate.
    public func earliest(from now: Timestamp, _ preference: Preference, _ rate: RateLimit) -> Timestamp {
        var time = now
        // Each step moves on to the end of quiet hours or of a full window; the ends of windows are few.
        for _ in 0..<RateLimit.countsAllowed.upperBound {
            let quiet = preference.quietHours?.end(at: time) ?? time
            let free = rate.free(at: quiet, after: sent)
            if free == time { break }
            time = free
        }
        return time
    }

    /// True if something waits that goes before a new notice of this priority.
    public func holdsBefore(_ priority: Priority) -> Bool { queue.contains { $0.priority >= priority } }

    public mutating func noteSent(at now: Timestamp, _ rate: RateLimit) {
        sent.append(now)
        sent.sort()
        sent.removeFirst(max(0, sent.count - rate.count))
    }

    // MARK: - the queue

    /// - Returns: false if it is full.
    public mutating func enqueue(_ notice: Notice, at now: Timestamp) -> Bool {
        guard queue.count < Mailbox.queueAtMost else { return false }
        queue.append(Waiting(id: notice.id, priority: notice.priority, since: now))
        return true
    }

    /// What goes first: of the highest priority the one that waits longest.
    public var next: Waiting? {
        queue.enumerated().max { a, b in
            a.element.priority == b.element.priority
                ? a.offset > b.offset : a.element.priority < b.element.priority
        }?.element
    }

    public mutating func dequeue(_ waiting: Waiting) { queue.removeAll { $0.id == waiting.id } }

    // MARK: - digests

    /// Opens a digest for the repeats of what is told now.
    public mutating func open(_ eventType: String, from now: Timestamp, window: Duration) {
        digests[eventType] = Digest(since: now, until: now + window, count: 0)
    }

    /// Counts a repeat.
    /// - Returns: false if none is open.
    public mutating func count(_ eventType: String) -> Bool {
        guard digests[eventType] != nil else { return false }
        digests[eventType]?.count += 1
        return true
    }

    /// Takes out a digest whose window is over, the oldest first.
    public mutating func close(by now: Timestamp) -> (eventType: String, digest: Digest)? {
        let due = digests.filter { $0.value.until <= now }.min {
            ($0.value.until, $0.key) < ($1.value.until, $1.key)
        }
        guard let due else { return nil }
        digests[due.key] = nil
        return (due.key, due.value)
    }
}

/// The most notices for one user within a sliding window.
public struct RateLimit: Hashable, Sendable {
    public let count: Int
    public let window: Duration

    static let countsAllowed = 1...100

    public init(count: Int, window: Duration) {
        self.count = count
        self.window = window
    }

    /// When one more may go, at `time` or later.
    func free(at time: Timestamp, after sent: [Timestamp]) -> Timestamp {
        let within = sent.filter { $0 + window > time }
        guard within.count >= count else { return time }
        return within[within.count - count] + window
    }
}
