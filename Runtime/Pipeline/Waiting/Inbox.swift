import Synchronization

/// How news reaches the one task that decides: the first piece wakes it, and it takes all there is. What comes while it
/// waits for its turn goes the rest of its way together.
///
/// Not bounded by itself: who adds answers for how much that can be.
final class Inbox<News: Sendable>: Sendable {
    private struct State {
        var news: [News] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    /// One element whenever there is news where there was none.
    let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    init() { (arrivals, arrival) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    /// - Returns: false when nobody takes it any more.
    @discardableResult
    func add(_ news: News) -> Bool {
        let (isTaken, isFirst) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.news.append(news)
            return (true, state.news.count == 1)
        }
        if isFirst { arrival.yield() }
        return isTaken
    }

    func take() -> [News] {
        state.withLock { state in
            defer { state.news = [] }
            return state.news
        }
    }

    /// Nothing comes in any more, and ``arrivals`` ends.
    /// - Returns: what nobody took.
    func close() -> [News] {
        defer { arrival.finish() }
        return state.withLock { state in
            state.isClosed = true
            defer { state.news = [] }
            return state.news
        }
    }
}
