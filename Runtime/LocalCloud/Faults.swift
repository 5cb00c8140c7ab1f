import Events
import Synchronization

/// What goes wrong on purpose: probabilities, 0 never and 1 always.
public struct Faults: Sendable, Hashable {
    /// A received message has a second copy, which is received on its own, also after the first was deleted.
    /// Standard queues alone.
    public var duplicate = 0.0
    /// The call waits ``delayedBy`` before it happens.
    public var delay = 0.0
    public var delayedBy = Duration.milliseconds(200)
    /// The call happens, and its answer ends after the headers with the connection.
    public var lostReply = 0.0
    /// Of each entry of a batch by itself: it does not happen, and is answered as failed.
    public var partialFailure = 0.0
    /// The call does not happen, and is answered as throttled.
    public var throttle = 0.0
    /// The call does not happen, and is answered with status 503.
    public var unavailable = 0.0

    public init() {}

    var areNone: Bool { duplicate + delay + lostReply + partialFailure + throttle + unavailable == 0 }
}

/// Decides by seed which calls fail. Faults may be set for a queue, an operation, both or neither; the closest counts.
final class FaultInjector: Sendable {
    struct Scope: Hashable, Sendable {
        var queue: String?
        var operation: String?
    }

    private struct State: Sendable {
        var faults: [Scope: Faults] = [:]
        var generator: SeededGenerator
    }

    /// Scopes that may be set at once.
    static let mostScopes = 256

    private let state: Mutex<State>

    init(seed: UInt64) { state = Mutex(State(generator: SeededGenerator(seed: seed))) }

    /// No faults at all take the scope back to what the wider one says.
    func set(_ faults: Faults, for scope: Scope) {
        state.withLock { state in
            guard state.faults.count < FaultInjector.mostScopes || state.faults[scope] != nil else { return }
            state.faults[scope] = faults.areNone && scope != Scope() ? nil : faults
        }
    }

    func faults(queue: String?, operation: String) -> Faults? {
        state.withLock { state in
            guard !state.faults.isEmpty else { return nil }
            for scope in [
                Scope(queue: queue, operation: operation), Scope(queue: queue), Scope(operation: operation), Scope(),
            ] {
                if let faults = state.faults[scope] { return faults.areNone ? nil : faults }
            }
            return nil
        }
    }

    func happens(_ probability: Double) -> Bool { state.withLock { $0.generator.happens(probability) } }
}
