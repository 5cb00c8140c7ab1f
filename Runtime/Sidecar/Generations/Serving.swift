import AWS
import Events
import LocalAPI
import Pipeline
import Services
import Settings
import Signatures
import Synchronization

/// What works under the generation in force: its queues and its key sets. The next one takes over in one step.
final class Serving: Sendable {
    /// What the queues need, whatever the generation.
    struct Surroundings: Sendable {
        let verifier: CurrentVerifier
        let cloud: Cloud
        /// `nil` where nothing is published.
        let relay: RelayRunner?
        let store: any EventStore
        let host: any HandlerHost
        let services: ServiceDirectory
        let observers: Observers
        /// `nil` where there is no socket.
        let peers: PeerBook?
        /// Events that a worker was in when it died with the sidecar before this one.
        let suspects: Set<EventID>
    }
    private struct State {
        var generation: Generation
        var stations: [QueueStation] = []
        /// When what still runs is cut off; `nil` until the sidecar stops.
        var stopsBy: Instant?
    }

    private let around: Surroundings
    private let state: Mutex<State>
    private let queues = Crew()
    private let keySets = Crew()

    init(_ first: Generation, _ around: Surroundings) {
        self.around = around
        state = Mutex(State(generation: first))
        around.verifier.become(first.verifier)
        around.services.become(first.configuration.serviceOptions)
        state.withLock { state in
            for keySet in first.keySets { keySets.add(keySet.run) }
            staff(&state)
        }
    }

    var generation: Generation { state.withLock { $0.generation } }

    var stations: [QueueStation] { state.withLock { $0.stations } }

    /// How the services of the pod do.
    var circuits: [CircuitSnapshot] { around.services.circuits }

    /// The queue that a handler's timers go to.
    func station(of handler: HandlerID) -> QueueStation? {
        state.withLock { state in
            let queue = state.generation.configuration.queues.first { $0.handlers.contains(handler) }
            return state.stations.first { $0.name == queue?.name }
        }
    }

    /// Intake of every queue stops until the same area says `nil`.
    func pressure(area: String, _ failure: Failure?) {
        for station in state.withLock({ $0.stations }) { station.runner.pressure(area: area, failure) }
    }

    /// Nothing begins until it is back.
    func storeAway(_ failure: Failure?) {
        for station in state.withLock({ $0.stations }) { station.runner.storeAway(failure) }
    }

    /// In this order: what comes is verified by the new rules, then each queue's pipeline goes over between two of its
    /// steps. What was verified, and what runs, stays so.
    /// - Returns: false if the sidecar stops: it stays as it is then.
    func adopt(_ next: Generation) -> Bool {
        state.withLock { state in
            guard state.stopsBy == nil else { return false }
            let previous = state.generation
            state.generation = next
            for run in next.keySets where !previous.keySets.contains(where: { $0 === run }) { keySets.add(run.run) }
            around.verifier.become(next.verifier)
            around.services.become(next.configuration.serviceOptions)
            staff(&state)
            for run in previous.keySets where !next.keySets.contains(where: { $0 === run }) {
                run.leave()
                let name = run.settings.name
                if !next.keySets.contains(where: { $0.settings.name == name }) { around.observers.keySetEnded(name) }
            }
            around.relay?.giveUp(after: next.configuration.outbox.giveUp)
            if let policy = next.configuration.peerPolicy { around.peers?.become(policy) }
            return true
        }
    }

    /// Goes on with the queues that are still there, starts new ones, lets the others drain.
    private func staff(_ state: inout State) {
        let generation = state.generation
        let deadline = around.observers.clock.now + generation.configuration.stop.deadline
        for station in state.stations where generation.configuration[queue: station.name] == nil {
            station.leave(deadline: deadline)
        }
        state.stations = generation.configuration.queues.map { queue in
            if let station = state.stations.first(where: { $0.name == queue.name }) {
                station.adopt(generation)
                return station
            }
            let station = QueueStation(queue, generation, verifier: around.verifier, around: around)
            queues.add(station.run)
            return station
        }
    }

    // MARK: - life

    /// Until told to stop, and all queues have ended.
    func runQueues() async { await queues.run() }
    /// Until cancelled.
    func runKeySets() async { await keySets.run() }

    /// When what still runs is cut off: one deadline for all of the stop. In the distant past unless it stops.
    var stopsBy: Instant { state.withLock { $0.stopsBy } ?? .distantPast }

    /// Said again, it can only be sooner.
    func stop(within time: Duration) {
        let deadline = around.observers.clock.now + time
        let (stations, stopsBy) = state.withLock { state in
            let stopsBy = min(state.stopsBy ?? .distantFuture, deadline)
            state.stopsBy = stopsBy
            return (state.stations, stopsBy)
        }
        queues.close()
        for station in stations { station.runner.stop(deadline: stopsBy) }
    }
}
