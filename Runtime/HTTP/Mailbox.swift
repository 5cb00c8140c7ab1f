import CCurl
import Synchronization

/// libcurl's multi handle. Belongs to the loop's thread; others may wake it (`curl_multi_wakeup`), and nothing else.
struct MultiHandle: @unchecked Sendable {
    let raw: UnsafeMutableRawPointer
}

/// How tasks reach the client's thread: it is woken when the first piece of news arrives and takes all there is.
final class Mailbox: Sendable {
    struct News {
        var posted: [Exchange] = []
        var cancelled: [Exchange] = []
        var isClosed = false
    }

    private struct State {
        var news = News()
        var isWoken = false
        /// The loop's handle, for waking it alone; `nil` when the loop has ended.
        var multi: MultiHandle?
    }

    private let state: Mutex<State>

    init(wakes multi: MultiHandle) { state = Mutex(State(multi: multi)) }

    /// - Returns: false when the loop has been told to end.
    func post(_ exchange: Exchange) -> Bool {
        change { news in
            if news.isClosed { return false }
            news.posted.append(exchange)
            return true
        }
    }

    func cancel(_ exchange: Exchange) {
        exchange.isCancelled.store(true, ordering: .relaxed)
        change { $0.cancelled.append(exchange) }
    }

    func close() { change { $0.isClosed = true } }

    private func change<Answer>(_ body: (inout News) -> Answer) -> Answer {
        state.withLock { state in
            let answer = body(&state.news)
            if let multi = state.multi, !state.isWoken {
                state.isWoken = true
                curl_multi_wakeup(multi.raw)
            }
            return answer
        }
    }

    /// For the loop.
    func take() -> News {
        state.withLock { state in
            let news = state.news
            state.news = News(isClosed: news.isClosed)
            state.isWoken = false
            return news
        }
    }

    /// For the loop, when it ends: from now on nobody wakes it.
    func detach() -> News {
        state.withLock { state in
            state.multi = nil
            state.news.isClosed = true
            let news = state.news
            state.news = News(isClosed: true)
            return news
        }
    }
}
