import Events
import Pipeline
import Synchronization

/// What each queue has in hand, and why it is not received from, as `status` tells it.
final class QueueBoard: PipelineObserver {
    struct Entry: Sendable {
        var messages = 0
        var bytes = 0
        var oldest = Duration.zero
        var paused: Failure?
        var depth: QueueDepth?
        /// Of what is available: behind the heads of FIFO groups in hand.
        var hidden = 0
        /// Handlers whose events wait for what they depend on, until one of them tries.
        var circuits: [HandlerID: (until: Instant, failure: Failure)] = [:]
    }

    private let entries = Mutex<[QueueName: Entry]>([:])

    func note(_ event: PipelineEvent, of queue: QueueName, at now: Instant) {
        switch event {
        case .inHand(let messages, let bytes, let oldest):
            change(queue) { ($0.messages, $0.bytes, $0.oldest) = (messages, bytes, oldest) }
        case .paused(let failure), .receiveFailed(let failure): change(queue) { $0.paused = failure }
        case .resumed, .received: change(queue) { $0.paused = nil }
        case .backlog(let depth, let hidden): change(queue) { ($0.depth, $0.hidden) = (depth, hidden) }
        case .circuitOpened(let handler, let until, let failure):
            change(queue) { $0.circuits[handler] = (until, failure) }
        case .circuitClosed(let handler): change(queue) { $0.circuits[handler] = nil }
        default: break
        }
    }

    func remove(_ queue: QueueName) { entries.withLock { _ = $0.removeValue(forKey: queue) } }

    subscript(queue: QueueName) -> Entry { entries.withLock { $0[queue] ?? Entry() } }

    private func change(_ queue: QueueName, _ body: (inout Entry) -> Void) {
        entries.withLock { body(&$0[queue, default: Entry()]) }
    }
}
