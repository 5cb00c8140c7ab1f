import Events
import LocalAPI
import Synchronization

/// What keeps the sidecar from its work, by area, as `/readyz` tells it, and what only a restart ends, as `/healthz`
/// does.
final class ReadinessBoard: Sendable {
    private struct State {
        var problems: [String: String]
        /// By worker: whose it is.
        var stuck: [String: HandlerID] = [:]
    }
    private let state: Mutex<State>

    init(_ problems: [String: String] = [:]) { state = Mutex(State(problems: problems)) }

    /// `nil`: the area works.
    func set(_ area: String, _ problem: String?) { state.withLock { $0.problems[area] = problem } }

    /// - Parameter problem: why an inline worker does not end; `nil`: it has ended.
    /// - Returns: how many of the handler's do not.
    func setStuck(_ worker: String, _ handler: HandlerID, _ problem: String?) -> Int {
        state.withLock { state in
            state.stuck[worker] = problem == nil ? nil : handler
            state.problems["inline \(worker)"] = problem
            return state.stuck.values.count { $0 == handler }
        }
    }

    var isLive: Bool { state.withLock { $0.stuck.isEmpty } }

    var readiness: Readiness {
        let problems = state.withLock(\.problems)
        return Readiness(problems: problems.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" })
    }
}
