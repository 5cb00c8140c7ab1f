import Events
import LocalAPI
import Synchronization

/// What keeps the sidecar from its work, by area, as `/readyz` tells it.
final class ReadinessBoard: Sendable {
    private let problems: Mutex<[String: String]>

    init(_ problems: [String: String] = [:]) { self.problems = Mutex(problems) }

    /// `nil`: the area works.
    func set(_ area: String, _ problem: String?) { problems.withLock { $0[area] = problem } }

    var readiness: Readiness {
        Readiness(problems: problems.withLock { $0.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" } })
    }
}
