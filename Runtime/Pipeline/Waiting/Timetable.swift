import Events

/// Items by the time at which something is due for them; each has at most one.
struct Timetable {
    private struct Entry {
        let at: Instant
        let id: ItemID
        let ticket: UInt64
    }
    /// What is due for the item of a place; ticket 0 for nothing.
    private struct Due {
        var item: UInt64 = 0
        var ticket: UInt64 = 0
        var at = Instant.distantPast
    }
    /// A binary heap; entries whose ticket is not current any more are skipped when they surface.
    private var heap: [Entry] = []
    private var current: [Due] = []
    private(set) var count = 0
    private var tickets: UInt64 = 0

    var next: Instant? {
        mutating get {
            while let top = heap.first, !isCurrent(top) { removeTop() }
            return heap.first?.at
        }
    }

    private func isCurrent(_ entry: Entry) -> Bool { current[entry.id.place].ticket == entry.ticket }

    private func has(_ id: ItemID) -> Bool {
        id.place < current.count && current[id.place].ticket != 0 && current[id.place].item == id.number
    }

    func time(of id: ItemID) -> Instant? { has(id) ? current[id.place].at : nil }

    mutating func schedule(_ id: ItemID, at: Instant) {
        tickets += 1
        while current.count <= id.place { current.append(Due()) }
        if current[id.place].ticket == 0 { count += 1 }
        current[id.place] = Due(item: id.number, ticket: tickets, at: at)
        // What is settled long before its time would stay for it.
        if heap.count > 2 * count + 1_000 { compact() }
        heap.append(Entry(at: at, id: id, ticket: tickets))
        var child = heap.count - 1
        while child > 0, heap[child].at < heap[(child - 1) / 2].at {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func compact() {
        heap = heap.filter { isCurrent($0) }.sorted { $0.at < $1.at }
    }

    mutating func cancel(_ id: ItemID) {
        guard has(id) else { return }
        current[id.place] = Due()
        count -= 1
    }

    /// Takes what is due, in order of time.
    mutating func takeDue(at now: Instant) -> [ItemID] {
        var due: [ItemID] = []
        while let at = next, at <= now {
            let id = heap[0].id
            removeTop()
            cancel(id)
            due.append(id)
        }
        return due
    }

    private mutating func removeTop() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            let left = 2 * parent + 1
            let right = left + 1
            var least = parent
            if left < heap.count, heap[left].at < heap[least].at { least = left }
            if right < heap.count, heap[right].at < heap[least].at { least = right }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
