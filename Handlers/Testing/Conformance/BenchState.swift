import Events
import Pipeline
import Synchronization

/// Handler state in memory, in place of the store.
final class BenchState: HandlerState {
    private struct Content {
        var values: [Bytes: StateValue] = [:]
        var version: UInt64 = 0
        var reads: [Bytes] = []
    }
    private let content = Mutex(Content())

    func set(_ key: Bytes, _ value: Bytes) {
        content.withLock { content in
            content.version += 1
            content.values[key] = StateValue(key: key, value: value, version: content.version)
        }
    }

    func apply(_ effects: Effects) {
        for write in effects.writes {
            if let value = write.value {
                set(write.key, value)
            } else {
                content.withLock { $0.values[write.key] = nil }
            }
        }
    }

    func value(_ key: Bytes) -> StateValue? { content.withLock { $0.values[key] } }

    /// The keys that a worker asked for, each once, in order.
    var asked: [Bytes] { content.withLock { $0.reads } }

    func read(_ keys: [Bytes], of handler: HandlerID, at now: Instant) async throws(Failure) -> [StateValue] {
        content.withLock { content in
            for key in keys where content.reads.count < 1_000 && !content.reads.contains(key) {
                content.reads.append(key)
            }
            return keys.map { content.values[$0] ?? StateValue(key: $0, value: [], version: 0) }
        }
    }
}
