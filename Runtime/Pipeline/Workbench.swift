import Events

/// What waits for one handler, and how many batches of it are under way.
struct Workbench: Sendable {
    static let startBackoff = Backoff(base: .milliseconds(500), cap: .seconds(30))

    private(set) var policy: HandlerPolicy
    private var byRoute: [Int: [ItemID]] = [:]
    /// Suspects and losers, each to run alone, one at a time.
    private var alone: [ItemID] = []
    private var running = 0
    private var isAloneRunning = false
    private var errors = 0
    private var suspendedUntil = Instant.distantPast

    init(_ policy: HandlerPolicy) { self.policy = policy }

    /// A new policy, and perhaps new workers: nothing waits any more, what runs goes on to be counted.
    mutating func adopt(_ policy: HandlerPolicy) {
        self.policy = policy
        suspendedUntil = .distantPast
        clear()
    }

    /// What waited is routed anew by its pipeline.
    mutating func clear() {
        byRoute = [:]
        alone = []
    }

    var isIdle: Bool { running == 0 && byRoute.isEmpty && alone.isEmpty }

    /// When a suspended bench may start again.
    var next: Instant? { byRoute.isEmpty && alone.isEmpty ? nil : suspendedUntil }

    mutating func add(_ item: Item, first: Bool) {
        if item.isAlone {
            alone.append(item.id)
        } else if first {
            byRoute[item.route, default: []].insert(item.id, at: 0)
        } else {
            byRoute[item.route, default: []].append(item.id)
        }
    }

    mutating func remove(_ item: Item) {
        alone.removeAll { $0 == item.id }
        byRoute[item.route]?.removeAll { $0 == item.id }
        if byRoute[item.route]?.isEmpty == true { byRoute[item.route] = nil }
    }

    /// The next batch: the oldest first, all of one route.
    mutating func take(at now: Instant) -> (ids: [ItemID], isAlone: Bool)? {
        guard running < policy.concurrency, now >= suspendedUntil else { return nil }
        if !isAloneRunning, !alone.isEmpty {
            running += 1
            isAloneRunning = true
            return ([alone.removeFirst()], true)
        }
        guard let route = byRoute.min(by: { ($0.value[0], $0.key) < ($1.value[0], $1.key) })?.key,
            var waiting = byRoute[route]
        else { return nil }
        let batch = Array(waiting.prefix(policy.maximumBatch))
        waiting.removeFirst(batch.count)
        byRoute[route] = waiting.isEmpty ? nil : waiting
        running += 1
        return (batch, false)
    }

    mutating func finished(isAlone: Bool) {
        leave(isAlone: isAlone)
        errors = 0
    }

    /// No worker could be had.
    mutating func failed(isAlone: Bool, at now: Instant, random: inout SeededGenerator) {
        leave(isAlone: isAlone)
        errors += 1
        suspendedUntil = now + Self.startBackoff.delay(attempt: errors, random: &random) + .milliseconds(100)
    }

    private mutating func leave(isAlone: Bool) {
        running -= 1
        if isAlone { isAloneRunning = false }
    }
}
