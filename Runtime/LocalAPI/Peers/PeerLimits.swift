import Events
import Hummingbird
import Synchronization

/// What all processes of one grant may have together.
final class PeerLimits: Sendable {
    struct Bounds: Sendable, Hashable {
        /// Requests a second.
        var rate: Int
        /// Bytes of one request's body.
        var body: Int
        /// Open at once.
        var streams: Int
        var connections = Limits.apiConnectionsPerPeer
    }
    private struct State {
        var bounds: Bounds
        var bucket: TokenBucket
        var streams = 0
        var connections = 0
    }

    private let name: String
    private let state: Mutex<State>

    init(_ name: String, _ bounds: Bounds) {
        self.name = name
        state = Mutex(State(bounds: bounds, bucket: TokenBucket(rate: bounds.rate, at: .now)))
    }

    var bounds: Bounds { state.withLock { $0.bounds } }

    func become(_ bounds: Bounds) {
        state.withLock { state in
            guard state.bounds != bounds else { return }
            if state.bounds.rate != bounds.rate { state.bucket.change(rate: bounds.rate) }
            state.bounds = bounds
        }
    }

    /// Counts a request.
    /// - Throws: 429 `api.throttled`.
    func takeRequest() throws(ProblemError) {
        let (wait, rate) = state.withLock { ($0.bucket.take(at: .now), $0.bounds.rate) }
        guard let wait else { return }
        throw throttled("more than \(rate) requests a second", after: wait)
    }

    /// Counts a connection until the answer is let go; `nil` if there are too many.
    func openConnection() -> Allowance? {
        let isOpen = state.withLock { state in
            guard state.connections < state.bounds.connections else { return false }
            state.connections += 1
            return true
        }
        return isOpen ? Allowance { [self] in state.withLock { $0.connections -= 1 } } : nil
    }

    /// Counts a stream until the answer is let go.
    /// - Throws: 429 `api.throttled`.
    func openStream() throws(ProblemError) -> Allowance {
        let refused = state.withLock { state -> Int? in
            guard state.streams < state.bounds.streams else { return state.bounds.streams }
            state.streams += 1
            return nil
        }
        if let refused { throw throttled("\(refused) streams are open", after: .seconds(1)) }
        return Allowance { [self] in state.withLock { $0.streams -= 1 } }
    }

    private func throttled(_ cause: String, after wait: Duration) -> ProblemError {
        ProblemError(.tooManyRequests, Failure(.apiThrottled, "peer \(name)", cause), retryAfter: wait)
    }
}

/// One of few: held as long as it is referred to.
final class Allowance: Sendable {
    private let release: @Sendable () -> Void
    init(release: @escaping @Sendable () -> Void) { self.release = release }
    deinit { release() }
}
