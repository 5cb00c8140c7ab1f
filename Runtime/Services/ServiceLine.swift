import Events
import Pipeline
import Synchronization

/// The line before one service: so many at once, the others wait in order; while its circuit is open, nobody does.
final class ServiceLine: Sendable {
    enum Entry: Sendable {
        case pass(Circuit.Pass)
        case refused(String)
        /// The caller's time is over, or it was called off.
        case left
    }
    private struct State {
        var circuit: Circuit
        var underWay = 0
        var waiting: [Place] = []
    }

    let options: ServiceOptions
    private let clock: any WallClock
    private let state: Mutex<State>
    private let changed: @Sendable (Circuit.State) -> Void

    /// - Parameter changed: hears of each change, in order, under the line's lock.
    init(_ options: ServiceOptions, clock: any WallClock, changed: @escaping @Sendable (Circuit.State) -> Void) {
        self.options = options
        self.clock = clock
        self.changed = changed
        state = Mutex(State(circuit: Circuit(options.breaker, concurrency: options.concurrency)))
    }

    var snapshot: CircuitSnapshot {
        state.withLock { state in
            CircuitSnapshot(
                service: options.name, state: state.circuit.state, underWay: state.underWay,
                waiting: state.waiting.count)
        }
    }

    /// Waits for its turn, at most so long.
    func enter(within limit: Duration) async -> Entry {
        let place = Place()
        let entry: Entry? = state.withLock { state in
            if state.waiting.isEmpty, let entry = admit(&state) { return entry }
            if state.waiting.count >= Limits.callsWaiting { return .refused("too many calls wait for it") }
            state.waiting.append(place)
            return nil
        }
        if let entry { return entry }
        let turn = await withTaskGroup(of: Void.self) { group in
            group.addTask { if (try? await Task.sleep(for: limit)) != nil { place.give(.left) } }
            defer { group.cancelAll() }
            return await withTaskCancellationHandler { await place.entry() } onCancel: { place.give(.left) }
        }
        if case .left = turn { state.withLock { $0.waiting.removeAll { $0 === place } } }
        return turn
    }

    func leave(_ pass: Circuit.Pass, _ report: Circuit.Report) {
        state.withLock { state in
            end(pass, report, &state)
            while let first = state.waiting.first, let entry = admit(&state) {
                state.waiting.removeFirst()
                if !first.give(entry), case .pass(let pass) = entry { end(pass, .nothing, &state) }
            }
        }
    }

    /// `nil` where there is a line to stand in.
    private func admit(_ state: inout State) -> Entry? {
        let before = state.circuit.state.name
        if before == .closed, state.underWay >= options.concurrency { return nil }
        let admission = state.circuit.admit(at: clock.now)
        if state.circuit.state.name != before { changed(state.circuit.state) }
        guard case .pass(let pass) = admission else { return .refused("its circuit breaker is open") }
        state.underWay += 1
        return .pass(pass)
    }

    private func end(_ pass: Circuit.Pass, _ report: Circuit.Report, _ state: inout State) {
        let before = state.circuit.state.name
        state.underWay -= 1
        state.circuit.ended(pass, report, at: clock.now)
        if state.circuit.state.name != before { changed(state.circuit.state) }
    }
}

/// One place in the line. What it is given first holds.
private final class Place: Sendable {
    private struct State {
        var entry: ServiceLine.Entry?
        var reader: CheckedContinuation<ServiceLine.Entry, Never>?
    }
    private let state = Mutex(State())

    /// - Returns: false if it has an entry already.
    @discardableResult
    func give(_ entry: ServiceLine.Entry) -> Bool {
        let (isFirst, reader) = state.withLock { state in
            guard state.entry == nil else { return (false, nil as CheckedContinuation<ServiceLine.Entry, Never>?) }
            state.entry = entry
            return (true, state.reader)
        }
        reader?.resume(returning: entry)
        return isFirst
    }

    func entry() async -> ServiceLine.Entry {
        await withCheckedContinuation { continuation in
            let entry = state.withLock { state in
                if state.entry == nil { state.reader = continuation }
                return state.entry
            }
            if let entry { continuation.resume(returning: entry) }
        }
    }
}
