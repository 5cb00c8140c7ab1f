import Events
import Pipeline
import Synchronization

/// Answers what a batch asks of its handler's state, and keeps what it answered, so that a shadow sees what the serving
/// build saw, though the state has moved on.
final class StateReader: Sendable {
    private let handler: HandlerID
    private let state: any HandlerState
    private let clock: any WallClock
    private let seen: Mutex<[Lease: [Bytes: StateValue]]>
    private let isKept: Bool

    /// - Parameters:
    ///   - isKept: whether somebody will ask for what was seen.
    ///   - seen: what another run saw: it is answered from there first.
    init(
        _ handler: HandlerID, _ state: any HandlerState, _ clock: any WallClock, isKept: Bool = false,
        seen: [Lease: [Bytes: StateValue]] = [:]
    ) {
        self.handler = handler
        self.state = state
        self.clock = clock
        self.isKept = isKept
        self.seen = Mutex(seen)
    }

    var all: [Lease: [Bytes: StateValue]] { seen.withLock { $0 } }

    /// What travels with the events; nothing where the store does not answer: the handler's own get then tells it so.
    func values(of requests: [(lease: Lease, keys: [Bytes])]) async -> [[StateValue]] {
        if requests.allSatisfy({ $0.keys.isEmpty }) { return [] }
        let known = all
        let missing = requests.flatMap { request in request.keys.filter { known[request.lease]?[$0] == nil } }
        guard let values = missing.isEmpty ? [] : try? await state.read(missing, of: handler, at: clock.now)
        else { return [] }
        var rest = values[...]
        return requests.map { request in
            let found = request.keys.compactMap { known[request.lease]?[$0] ?? rest.popFirst() }
            keep(found, for: request.lease)
            return found
        }
    }

    /// `nil` where the store does not answer.
    func values(of keys: [Bytes], for lease: Lease) async -> [StateValue]? {
        let found = await values(of: [(lease, keys)]).first
        return found?.count == keys.count ? found : nil
    }

    private func keep(_ values: [StateValue], for lease: Lease) {
        guard isKept else { return }
        seen.withLock { seen in for value in values { seen[lease, default: [:]][value.key] = value } }
    }
}
