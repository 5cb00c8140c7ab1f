import Events
import Pipeline

/// One batch under way in one thread of a worker. Confined to the event loop.
final class LaneRun {
    let batch: Batch
    let exchange: Exchange
    let lane: Int
    /// The number of the batch, and of its first event; the others follow.
    let number: UInt32
    let firstEvent: UInt32
    var events: [EventRun]
    /// Answers that came after deadline or revocation.
    private(set) var late = 0
    private let batchMost: Int
    private let perEvent: Int64
    private let lastDeadline: Int64
    /// Of the call of the handler that is under way.
    private(set) var deadline: Int64
    /// Set when the deadline has passed: the worker is killed then.
    var graceEnd: Int64?

    /// Events without a result.
    private(set) var remaining: Int

    init(
        batch: Batch, exchange: Exchange, lane: Int, number: UInt32, firstEvent: UInt32, batchMost: Int,
        perEvent: Int64, at now: Int64
    ) {
        let count = batch.assignments.count
        self.batch = batch
        self.exchange = exchange
        self.lane = lane
        self.number = number
        self.firstEvent = firstEvent
        self.batchMost = batchMost
        self.perEvent = perEvent
        events = Array(repeating: EventRun(), count: count)
        remaining = count
        lastDeadline = now + perEvent * Int64(count)
        deadline = now + perEvent * Int64(min(count, batchMost))
    }

    /// The answers of one call come together, and with them begins the time of the next call; all calls together have
    /// no more than the batch.
    func answered(_ index: Int, _ answer: Answer, at now: Int64) {
        let isLate = events[index].isRevoked || now >= deadline
        if events[index].result == nil { remaining -= 1 }
        events[index].result = isLate ? .unanswered : .answered(answer)
        if isLate { late += 1 }
        deadline = min(lastDeadline, now + perEvent * Int64(min(remaining, batchMost)))
    }

    /// What has become of each event, if no more answers come.
    var results: [RunResult] { events.map { $0.result ?? .unanswered } }

    /// The place of an event, by its number.
    func index(of number: UInt32) -> Int? {
        let index = Int(number &- firstEvent)
        return index < events.count ? index : nil
    }

    /// Whether the event is not answered, and was given under this fencing token.
    func awaits(_ index: Int, fence: UInt64) -> Bool {
        events[index].result == nil && batch.assignments[index].lease.fence == fence
    }
}

/// What has become of one event so far.
struct EventRun {
    fileprivate(set) var result: RunResult?
    var isRevoked = false
    /// One question at a time.
    var isAsking = false
    /// What it has called.
    var calls = CallTally()
    /// For the call that it waits for.
    var leaving: Leaving?
}
