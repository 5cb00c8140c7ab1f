import Events

/// A queue's workbenches. One whose handler is in no generation any more stays until what it runs is answered.
struct Workbenches {
    /// By the names of their handlers. A queue has few: they are looked through.
    private(set) var inOrder: [Workbench] = []

    init(_ handlers: [HandlerID: HandlerPolicy]) { adopt(handlers) }

    subscript(handler: HandlerID) -> Workbench? {
        for place in inOrder.indices where inOrder[place].handler == handler { return inOrder[place] }
        return nil
    }

    mutating func adopt(_ handlers: [HandlerID: HandlerPolicy]) {
        for bench in inOrder where handlers[bench.handler] == nil { bench.retire() }
        inOrder.removeAll { !$0.isServed && $0.isIdle }
        for (handler, policy) in handlers {
            if let bench = self[handler] { bench.adopt(policy) } else { inOrder.append(Workbench(handler, policy)) }
        }
        inOrder.sort { $0.handler < $1.handler }
    }

    mutating func removeIfIdle(_ handler: HandlerID) {
        inOrder.removeAll { $0.handler == handler && !$0.isServed && $0.isIdle }
    }

    /// When the first one that stands still goes on.
    func next(after now: Instant) -> Instant? {
        var soonest: Instant?
        for bench in inOrder {
            if let next = bench.next, next > now, next < soonest ?? .distantFuture { soonest = next }
        }
        return soonest
    }

    // MARK: - circuits

    /// What all circuits together let in: everything, as long as one of the handlers has a closed one.
    func limit(at now: Instant) -> Int {
        var limit = 0
        for bench in inOrder where bench.isServed {
            guard bench.circuit.isOpen else { return .max }
            limit += bench.circuit.limit(at: now)
        }
        return limit
    }

    /// When the first circuit lets something in, where all are open.
    var probe: Instant? {
        var soonest: Instant?
        for bench in inOrder where bench.isServed {
            guard bench.circuit.isOpen else { return nil }
            if let probe = bench.circuit.probeAt, probe < soonest ?? .distantFuture { soonest = probe }
        }
        return soonest
    }
}
