import Events

/// First in, first out, without moving what waits for each that leaves.
struct Queue<Element> {
    private var elements: [Element] = []
    private var start = 0

    var count: Int { elements.count - start }
    var isEmpty: Bool { count == 0 }
    var first: Element? { isEmpty ? nil : elements[start] }

    mutating func append(_ element: Element) { elements.append(element) }
    mutating func insertFirst(_ element: Element) { elements.insert(element, at: start) }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        defer {
            start += 1
            if start >= 32, start * 2 > elements.count {
                elements.removeFirst(start)
                start = 0
            }
        }
        return elements[start]
    }

    /// - Returns: whether there was one.
    mutating func removeFirst(where isIt: (Element) -> Bool) -> Bool {
        guard let place = elements[start...].firstIndex(where: isIt) else { return false }
        elements.remove(at: place)
        return true
    }
}

/// What waits for workers on one route: of each party (tenant, FIFO group) in order, the parties by turns, so that one
/// that floods the queue does not keep the others waiting.
struct Line {
    /// What came last, in order. It is sorted by parties once it does not leave all at once.
    private var fresh: [Item] = []
    private var parties: [String: Queue<Item>] = [:]
    /// Whose turn it is; each party that has somebody waiting stands here once.
    private var turns = Queue<String>()
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// - Parameter first: before the others of its party.
    mutating func add(_ item: Item, first: Bool) {
        count += 1
        guard first else { return fresh.append(item) }
        sort()
        admit(item, first: true)
    }

    private mutating func sort() {
        for item in fresh { admit(item, first: false) }
        fresh.removeAll(keepingCapacity: true)
    }

    private mutating func admit(_ item: Item, first: Bool) {
        let party = item.party
        if parties[party] == nil { turns.append(party) }
        if first {
            parties[party, default: Queue()].insertFirst(item)
        } else {
            parties[party, default: Queue()].append(item)
        }
    }

    mutating func take(atMost most: Int) -> [Item] {
        if fresh.count == count, count <= most {
            defer { fresh = [] }
            count = 0
            return fresh
        }
        sort()
        var taken: [Item] = []
        while taken.count < most, let party = turns.popFirst() {
            // Nobody else waits: it need not wait for its next turn.
            let share = turns.isEmpty ? most - taken.count : 1
            for _ in 0..<share { if let item = parties[party]?.popFirst() { taken.append(item) } }
            if parties[party]?.isEmpty == true { parties[party] = nil } else { turns.append(party) }
        }
        count -= taken.count
        return taken
    }

    /// - Returns: whether it waited here.
    mutating func remove(_ item: Item) -> Bool {
        sort()
        guard parties[item.party]?.removeFirst(where: { $0 === item }) == true else { return false }
        count -= 1
        guard parties[item.party]?.isEmpty == true else { return true }
        parties[item.party] = nil
        _ = turns.removeFirst { $0 == item.party }
        return true
    }
}
