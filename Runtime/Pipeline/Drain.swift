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
        for item in hand.inOrder where groups.isHead(item) {
            switch item.state {
            case .parked(.claim), .parked(.verify), .parked(.letter):
                giveBack(item, after: max(.zero, (parked.time(of: item.id) ?? now) - now))
            case .parked(.delete):
                parked.cancel(item.id)
                delete(item)
            case .ready: giveBack(item, after: .zero)
            default: break
            }
        }
    }

    /// While the host stops, what would start goes back to the queue instead.
    mutating func returnedByDrain(_ item: Item, after wait: Duration = .zero) -> Bool {
        guard drain != .running else { return false }
        giveBack(item, after: wait)
        return true
    }

    mutating func finishDrain(at now: Instant) {
        guard case .stopping(let deadline) = drain else { return }
        guard (hand.isEmpty && admission.polls == 0) || now >= deadline else { return }
        drain = .stopped
        let left = hand.items.reduce(into: [:]) { $0[$1.step, default: 0] += 1 }
        actions.append(.note(.drained(left: left)))
        actions.append(.stopped(left: hand.count))
    }
}
