import Glibc
import Synchronization

/// What is left for whoever moves the transfers next, and the way to wake the thread that does so in the end.
final class Mailbox: Sendable {
    struct News {
        var posted: [Exchange] = []
        var cancelled: [Exchange] = []
        var isClosed = false

        fileprivate var isEmpty: Bool { posted.isEmpty && cancelled.isEmpty }
    }

    private struct State {
        var news = News()
        /// An event descriptor; `nil` when the thread has ended.
        var wakeup: Int32?
    }

    private let state: Mutex<State>

    /// - Parameter wakeup: its own from now on.
    init(wakeup: Int32) { state = Mutex(State(wakeup: wakeup)) }

    /// Wakes nobody: it is the poster who looks for one to take it.
    /// - Returns: false when the client is shut down.
    func post(_ exchange: Exchange) -> Bool {
        state.withLock { state in
            if state.news.isClosed { return false }
            state.news.posted.append(exchange)
            return true
        }
    }

    func cancel(_ exchange: Exchange) {
        exchange.isCancelled.store(true, ordering: .relaxed)
        state.withLock { state in
            state.news.cancelled.append(exchange)
            Mailbox.wake(state.wakeup)
        }
    }

    func close() {
        state.withLock { state in
            state.news.isClosed = true
            Mailbox.wake(state.wakeup)
        }
    }

    func wake() { state.withLock { Mailbox.wake($0.wakeup) } }

    private static func wake(_ wakeup: Int32?) {
        guard let wakeup else { return }
        var one: UInt64 = 1
        write(wakeup, &one, 8)
    }

    // MARK: for whoever moves the transfers

    var isEmpty: Bool { state.withLock { $0.news.isEmpty } }

    func take() -> News {
        state.withLock { state in
            let news = state.news
            state.news = News(isClosed: news.isClosed)
            return news
        }
    }

    /// When the thread ends: from now on nobody wakes it.
    func detach() -> News {
        state.withLock { state in
            if let wakeup = state.wakeup { Glibc.close(wakeup) }
            state.wakeup = nil
            let news = state.news
            state.news = News(isClosed: true)
            return news
        }
    }
}
