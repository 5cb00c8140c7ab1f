import Events

/// Collects items for calls that take several, without a timer: what comes while a call is under way rides in the
/// next one. A full batch starts at once while a lane is free, a part of one only when nothing is under way.
struct Batching {
    private let limit: Int
    private let lanes: Int
    private var pending: [Item] = []
    private(set) var underWay = 0
    /// After a failure of the whole call.
    private(set) var heldUntil = Instant.distantPast

    init(limit: Int, lanes: Int) {
        self.limit = limit
        self.lanes = lanes
    }

    var next: Instant? { pending.isEmpty || underWay > 0 ? nil : heldUntil }

    mutating func add(_ item: Item) { pending.append(item) }

    mutating func take(at now: Instant) -> [Item]? {
        guard now >= heldUntil, !pending.isEmpty, underWay == 0 || (pending.count >= limit && underWay < lanes)
        else { return nil }
        underWay += 1
        return pending.takeFirst(limit)
    }

    mutating func finished() {
        underWay -= 1
        heldUntil = .distantPast
    }

    /// The whole call failed: its entries come first again, not before `until`.
    mutating func failed(_ items: [Item], until: Instant) {
        underWay -= 1
        pending.insert(contentsOf: items, at: 0)
        heldUntil = until
    }
}

extension Array {
    /// Empty, with room for so many.
    init(room count: Int) {
        self = []
        reserveCapacity(count)
    }

    /// Removes as many as there are, up to `most`: where that is all of them, none is copied.
    mutating func takeFirst(_ most: Int) -> [Element] {
        var taken: [Element] = []
        guard count > most else {
            swap(&taken, &self)
            return taken
        }
        taken = Array(prefix(most))
        removeFirst(most)
        return taken
    }
}
