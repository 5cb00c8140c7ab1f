import Events

/// Collects entries for calls that take several, without a timer: what comes while a call is under way rides in the
/// next one. A full batch starts at once while a lane is free, a part of one only when nothing is under way.
struct Batching<Entry: Sendable>: Sendable {
    private let limit: Int
    private let lanes: Int
    private var pending: [Entry] = []
    private(set) var underWay = 0
    /// After a failure of the whole call.
    private(set) var heldUntil = Instant.distantPast

    init(limit: Int, lanes: Int) {
        self.limit = limit
        self.lanes = lanes
    }

    var isEmpty: Bool { pending.isEmpty && underWay == 0 }
    var next: Instant? { pending.isEmpty || underWay > 0 ? nil : heldUntil }

    mutating func add(_ entry: Entry) { pending.append(entry) }

    mutating func take(at now: Instant) -> [Entry]? {
        guard now >= heldUntil, !pending.isEmpty, underWay == 0 || (pending.count >= limit && underWay < lanes)
        else { return nil }
        underWay += 1
        defer { pending.removeFirst(min(limit, pending.count)) }
        return Array(pending.prefix(limit))
    }

    mutating func finished() {
        underWay -= 1
        heldUntil = .distantPast
    }

    /// The whole call failed: its entries come first again, not before `until`.
    mutating func failed(_ entries: [Entry], until: Instant) {
        underWay -= 1
        pending.insert(contentsOf: entries, at: 0)
        heldUntil = until
    }
}
