import Events

/// Virtual time: what is to happen, in order, and the random numbers of one seed.
final class Agenda {
    private struct Entry {
        let at: Int64
        let order: Int
        let work: () -> Void
    }
    static let start = Instant(unixSeconds: 1_790_000_000)

    private var heap: [Entry] = []
    private var order = 0
    /// Milliseconds since the beginning.
    private(set) var now: Int64 = 0
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// What a clock shows that is right.
    var instant: Instant { Self.instant(now) }
    static func instant(_ milliseconds: Int64) -> Instant {
        Instant(unixMilliseconds: start.unixMilliseconds + milliseconds)
    }
    static func milliseconds(_ instant: Instant) -> Int64 { instant.unixMilliseconds - start.unixMilliseconds }

    func at(_ time: Int64, _ work: @escaping () -> Void) { after(time - now, work) }

    func after(_ delay: Int64, _ work: @escaping () -> Void) {
        order += 1
        heap.append(Entry(at: now + max(0, delay), order: order, work: work))
        var child = heap.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Runs the next entry; false when there is none before `end`.
    func step(until end: Int64) -> Bool {
        guard let first = heap.first, first.at <= end else { return false }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            let left = 2 * parent + 1
            var least = parent
            if left < heap.count, isBefore(left, least) { least = left }
            if left + 1 < heap.count, isBefore(left + 1, least) { least = left + 1 }
            if least == parent { break }
            heap.swapAt(parent, least)
            parent = least
        }
        now = max(now, first.at)
        first.work()
        return true
    }

    func clear() { heap = [] }

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        (heap[a].at, heap[a].order) < (heap[b].at, heap[b].order)
    }

    func upTo(_ milliseconds: Int64) -> Int64 { random.upTo(milliseconds) }
}

extension SeededGenerator {
    /// Uniform enough between one and `most`.
    mutating func upTo(_ most: Int64) -> Int64 { 1 + Int64(next() % UInt64(max(1, most))) }
    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(max(1, count))) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}
