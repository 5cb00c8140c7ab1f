import Events
import Pipeline
import Synchronization

/// Services that are all away: a handler is tried without any, and what it would have asked is kept.
final class BenchServices: ServiceCaller {
    private static let callsAtMost = 1_000
    private let asked = Mutex<[ServiceCall]>([])

    var calls: [ServiceCall] { asked.withLock { $0 } }

    func call(_ call: ServiceCall) async throws(Failure) -> ServiceAnswer {
        asked.withLock { if $0.count < Self.callsAtMost { $0.append(call) } }
        throw Failure(.callUnavailable, call.service, "no service is asked here")
    }
}
