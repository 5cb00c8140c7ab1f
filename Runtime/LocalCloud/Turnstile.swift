import Synchronization

/// Where tasks wait until something may have changed. What changed they find out themselves.
final class Turnstile: Sendable {
    private struct State {
        var changes = 0
        var lastID = 0
        var waiting: [(id: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var isClosed = false
    }

    private let state = Mutex(State())

    /// The count of changes so far: read it before looking, wait with it if there was nothing.
    var changes: Int { state.withLock { $0.changes } }
    /// How many wait.
    var count: Int { state.withLock { $0.waiting.count } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Something changed, for at most so many of those who wait; the longest waiting go first.
    func signal(_ count: Int = .max) {
        let woken = state.withLock { state in
            state.changes += 1
            let woken = state.waiting.prefix(count)
            state.waiting.removeFirst(woken.count)
            return woken.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    /// Nobody waits here any more.
    func close() {
        state.withLock { $0.isClosed = true }
        signal()
    }

    /// Returns on a change since `changes`, when `limit` has passed, or when the task is cancelled.
    func wait(since changes: Int, for limit: Duration) async {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.park(id, since: changes) }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }

    private func park(_ id: Int, since changes: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mayWait = state.withLock { state in
                    guard state.changes == changes, !state.isClosed, !Task.isCancelled else { return false }
                    state.waiting.append((id, continuation))
                    return true
                }
                if !mayWait { continuation.resume() }
            }
        } onCancel: {
            let woken = state.withLock { state in
                state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).continuation }
            }
            woken?.resume()
        }
    }
}
