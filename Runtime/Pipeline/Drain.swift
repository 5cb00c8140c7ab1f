import Events

/// The way to stop: no new poll, the long polls end by themselves, what runs finishes, what never started goes back.
enum Drain: Sendable, Equatable {
    case running
    case stopping(deadline: Instant)
    case stopped

    var deadline: Instant? {
        if case .stopping(let deadline) = self { deadline } else { nil }
    }
}

extension Pipeline {
    mutating func stop(by deadline: Instant, at now: Instant) {
        guard drain != .stopped else { return }
        drain = .stopping(deadline: deadline)
        for id in items.keys.sorted() {
            guard let item = items[id], groups.isHead(id, of: item.envelope.group) else { continue }
            switch item.state {
            case .parked(.claim), .parked(.verify), .parked(.letter):
                giveBack(id, after: max(.zero, (parked.time(of: id) ?? now) - now))
            case .parked(.delete):
                parked.cancel(id)
                delete(id)
            case .ready:
                if let handler = item.handler { workbenches[handler]?.remove(item) }
                giveBack(id, after: .zero)
            default: break
            }
        }
    }

    /// While the host stops, what would start goes back to the queue instead.
    mutating func returnedByDrain(_ id: ItemID, after wait: Duration = .zero) -> Bool {
        guard drain != .running else { return false }
        giveBack(id, after: wait)
        return true
    }

    mutating func finishDrain(at now: Instant) {
        guard case .stopping(let deadline) = drain else { return }
        guard (items.isEmpty && admission.polls == 0) || now >= deadline else { return }
        drain = .stopped
        actions.append(.note(.drained(left: items.count)))
        actions.append(.stopped(left: items.count))
    }
}
