import Events

/// What waits for one handler, and how many batches of it are under way. It belongs to one pipeline.
final class Workbench {
    static let startBackoff = Backoff(base: .milliseconds(500), cap: .seconds(30))

    let handler: HandlerID
    private(set) var policy: HandlerPolicy
    /// Whether the generation in force has the handler.
    private(set) var isServed = true
    /// What waits on each route; timers, which have none, are the first.
    private var lines: [Line] = []
    /// The routes that have somebody waiting, by turns; critical ones go before the others.
    private var critical = Queue<Int>()
    private var ordinary = Queue<Int>()
    /// Suspects and losers, each to run alone, one at a time.
    private var alone: [Item] = []
    private(set) var waiting = 0
    private var batches = 0
    private var events = 0
    private var isAloneRunning = false
    private var errors = 0
    private var suspendedUntil = Instant.distantPast
    private(set) var circuit = Circuit()

    init(_ handler: HandlerID, _ policy: HandlerPolicy) {
        self.handler = handler
        self.policy = policy
    }

    /// A new policy, and perhaps new workers: nothing waits any more, what runs goes on to be counted.
    func adopt(_ policy: HandlerPolicy) {
        self.policy = policy
        isServed = true
        suspendedUntil = .distantPast
        clear()
    }

    /// The handler is in no generation any more.
    func retire() {
        isServed = false
        clear()
    }

    /// What waited is routed anew by its pipeline.
    private func clear() {
        lines = []
        critical = Queue()
        ordinary = Queue()
        alone = []
        waiting = 0
    }

    var isIdle: Bool { batches == 0 && waiting == 0 }

    /// When a suspended bench, or one whose circuit is open, may start again.
    var next: Instant? { waiting == 0 ? nil : max(suspendedUntil, circuit.probeAt ?? .distantPast) }

    /// - Parameter first: it ran before and goes on at once.
    func add(_ item: Item, first: Bool) {
        waiting += 1
        if item.isAlone { return alone.append(item) }
        let place = item.route + 1
        while lines.count <= place { lines.append(Line()) }
        if lines[place].isEmpty { append(place, item.isCritical) }
        lines[place].add(item, first: first)
    }

    func remove(_ item: Item) {
        let place = item.route + 1
        if let index = alone.firstIndex(where: { $0 === item }) {
            alone.remove(at: index)
            waiting -= 1
        } else if place < lines.count, lines[place].remove(item) {
            waiting -= 1
            guard lines[place].isEmpty, !critical.removeFirst(where: { $0 == place }) else { return }
            _ = ordinary.removeFirst { $0 == place }
        }
    }

    /// The next batch, all of one route: a critical one, one that must be alone, any other. The last lanes are kept for
    /// critical ones.
    func take(at now: Instant) -> (items: [Item], isAlone: Bool)? {
        guard waiting > 0, batches < policy.concurrency, now >= suspendedUntil else { return nil }
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

    private func takeBatch(isCritical: Bool, atMost room: Int) -> [Item]? {
        guard let place = isCritical ? critical.popFirst() : ordinary.popFirst() else { return nil }
        let items = lines[place].take(atMost: min(policy.maximumBatch, room))
        if !lines[place].isEmpty { append(place, isCritical) }
        started(items.count)
        return items
    }

    private func append(_ place: Int, _ isCritical: Bool) {
        if isCritical { critical.append(place) } else { ordinary.append(place) }
    }

    private func started(_ count: Int) {
        waiting -= count
        batches += 1
        events += count
    }

    func finished(_ count: Int, isAlone: Bool) {
        leave(count, isAlone: isAlone)
        errors = 0
    }

    /// No worker could be had.
    func failed(_ count: Int, isAlone: Bool, at now: Instant, random: inout SeededGenerator) {
        leave(count, isAlone: isAlone)
        errors += 1
        suspendedUntil = now + Self.startBackoff.delay(attempt: errors, random: &random) + .milliseconds(100)
    }

    /// An event of it waits for a dependency that is down.
    func waited(at now: Instant, random: inout SeededGenerator) -> Circuit.Change? {
        var circuit = circuit
        defer { self.circuit = circuit }
        return circuit.waited(at: now, random: &random)
    }

    /// An event of it came to an end of its own.
    func progressed() -> Circuit.Change? {
        var circuit = circuit
        defer { self.circuit = circuit }
        return circuit.progressed()
    }

    private func leave(_ count: Int, isAlone: Bool) {
        batches -= 1
        events -= count
        if isAlone { isAloneRunning = false }
    }
}
