import Events
import Pipeline

/// Virtual time: what is to happen, in order, under one seed.
final class Agenda {
    private struct Entry {
        let at: Instant
        let order: Int
        let work: () -> Void
    }
    private var heap: [Entry] = []
    private var order = 0
    private(set) var now: Instant
    var random: SeededGenerator

    init(seed: UInt64, start: Instant) {
        random = SeededGenerator(seed: seed)
        now = start
    }

    func after(_ delay: Duration, _ work: @escaping () -> Void) {
        order += 1
        heap.append(Entry(at: now + delay, order: order, work: work))
        var child = heap.count - 1
        while child > 0, isBefore(heap[child], heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Runs the next entry; false when there is none before `end`.
    func step(until end: Instant) -> Bool {
        guard let first = heap.first, first.at <= end else { return false }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            let left = 2 * parent + 1
            var least = parent
            if left < heap.count, isBefore(heap[left], heap[least]) { least = left }
            if left + 1 < heap.count, isBefore(heap[left + 1], heap[least]) { least = left + 1 }
            if least == parent { break }
            heap.swapAt(parent, least)
            parent = least
        }
        now = max(now, first.at)
        first.work()
        return true
    }

    private func isBefore(_ a: Entry, _ b: Entry) -> Bool { (a.at, a.order) < (b.at, b.order) }

    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    func delay(upTo milliseconds: Int64) -> Duration {
        .milliseconds(Int64.random(in: 1...milliseconds, using: &random))
    }
}
