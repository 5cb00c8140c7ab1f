// The two containers of the queue model: what is due first, and what came first.

/// A binary heap: the smallest element in front, O(log n) to add and to take.
struct MinimumHeap<Element: Comparable & Sendable>: Sendable {
    private var elements: [Element] = []

    var count: Int { elements.count }
    var first: Element? { elements.first }

    mutating func insert(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard elements[child] < elements[parent] else { return }
            elements.swapAt(child, parent)
            child = parent
        }
    }

    mutating func popFirst() -> Element? {
        guard let last = elements.popLast() else { return nil }
        guard let first = elements.first else { return last }
        elements[0] = last
        sink(0)
        return first
    }

    /// Forgets what does not satisfy the condition.
    mutating func keep(_ condition: (Element) -> Bool) {
        elements.removeAll { !condition($0) }
        for index in (0..<elements.count / 2).reversed() { sink(index) }
    }

    private mutating func sink(_ start: Int) {
        var parent = start
        while true {
            var child = 2 * parent + 1
            guard child < elements.count else { return }
            if child + 1 < elements.count, elements[child + 1] < elements[child] { child += 1 }
            guard elements[child] < elements[parent] else { return }
            elements.swapAt(child, parent)
            parent = child
        }
    }
}

/// First in, first out, in amortised constant time.
struct Line<Element: Sendable>: Sendable {
    private var elements: [Element] = []
    private var start = 0

    var count: Int { elements.count - start }
    var first: Element? { start < elements.count ? elements[start] : nil }
    /// By place in the line, 0 for the first.
    subscript(place: Int) -> Element { elements[start + place] }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard start < elements.count else { return nil }
        let first = elements[start]
        start += 1
        if start > 32 && start > elements.count / 2 {
            elements.removeFirst(start)
            start = 0
        }
        return first
    }

    /// Forgets what does not satisfy the condition.
    mutating func keep(_ condition: (Element) -> Bool) {
        elements = elements[start...].filter(condition)
        start = 0
    }
}
