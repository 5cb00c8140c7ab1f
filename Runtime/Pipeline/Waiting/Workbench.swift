import Events

/// What waits for one handler, and how many batches of it are under way.
struct Workbench {
    static let startBackoff = Backoff(base: .milliseconds(500), cap: .seconds(30))

    private(set) var policy: HandlerPolicy
    private var lines: [Int: Line] = [:]
    /// The routes that have somebody waiting, by turns; critical ones go before the others.
    private var critical = Queue<Int>()
    private var ordinary = Queue<Int>()
    /// Suspects and losers, each to run alone, one at a time.
    private var alone: [Item] = []
    private var batches = 0
    private var events = 0
    private var isAloneRunning = false
    private var errors = 0
    private var suspendedUntil = Instant.distantPast
    var circuit = Circuit()

    init(_ policy: HandlerPolicy) { self.policy = policy }

    /// A new policy, and perhaps new workers: nothing waits any more, what runs goes on to be counted.
    mutating func adopt(_ policy: HandlerPolicy) {
        self.policy = policy
        suspendedUntil = .distantPast
        clear()
    }

    /// What waited is routed anew by its pipeline.
    mutating func clear() {
        lines = [:]
        critical = Queue()
        ordinary = Queue()
        alone = []
    }

    var waiting: Int { lines.values.reduce(alone.count) { $0 + $1.count } }
    private var isEmpty: Bool { lines.isEmpty && alone.isEmpty }
    var isIdle: Bool { batches == 0 && isEmpty }

    /// When a suspended bench, or one whose circuit is open, may start again.
    var next: Instant? { isEmpty ? nil : max(suspendedUntil, circuit.probeAt ?? .distantPast) }

    /// - Parameter first: it ran before and goes on at once.
    mutating func add(_ item: Item, first: Bool) {
        if item.isAlone { return alone.append(item) }
        if lines[item.route] == nil { append(item.route, item.isCritical) }
        lines[item.route, default: Line()].add(item, first: first)
    }

    mutating func remove(_ item: Item) {
        alone.removeAll { $0 === item }
        lines[item.route]?.remove(item)
        guard lines[item.route]?.isEmpty == true else { return }
        lines[item.route] = nil
        if !critical.removeFirst(where: { $0 == item.route }) {
            _ = ordinary.removeFirst { $0 == item.route }
        }
    }

    /// The next batch, all of one route: a critical one, one that must be alone, any other. The last lanes are kept for
    /// critical ones.
    mutating func take(at now: Instant) -> (items: [Item], isAlone: Bool)? {
        guard !isEmpty, batches < policy.concurrency, now >= suspendedUntil else { return nil }
        let room = circuit.limit(at: now) - events
        guard room > 0 else { return nil }
        if let items = takeBatch(isCritical: true, atMost: room) { return (items, false) }
        guard batches < policy.concurrency - policy.reserved else { return nil }
        if !isAloneRunning, !alone.isEmpty {
            started(1)
            isAloneRunning = true
            return ([alone.removeFirst()], true)
        }
        return takeBatch(isCritical: false, atMost: room).map { ($0, false) }
    }

    private mutating func takeBatch(isCritical: Bool, atMost room: Int) -> [Item]? {
        guard let route = isCritical ? critical.popFirst() : ordinary.popFirst(),
            let items = lines[route]?.take(atMost: min(policy.maximumBatch, room))
        else { return nil }
        if lines[route]?.isEmpty == true { lines[route] = nil } else { append(route, isCritical) }
        started(items.count)
        return items
    }

    private mutating func append(_ route: Int, _ isCritical: Bool) {
        if isCritical { critical.append(route) } else { ordinary.append(route) }
    }

    private mutating func started(_ count: Int) {
        batches += 1
        events += count
    }

    mutating func finished(_ count: Int, isAlone: Bool) {
        leave(count, isAlone: isAlone)
        errors = 0
    }

    /// No worker could be had.
    mutating func failed(_ count: Int, isAlone: Bool, at now: Instant, random: inout SeededGenerator) {
        leave(count, isAlone: isAlone)
        errors += 1
        suspendedUntil = now + Self.startBackoff.delay(attempt: errors, random: &random) + .milliseconds(100)
    }

    private mutating func leave(_ count: Int, isAlone: Bool) {
        batches -= 1
        events -= count
        if isAlone { isAloneRunning = false }
    }
}
