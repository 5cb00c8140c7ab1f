/// A service next door, in memory: what it did is kept by key, as examples/10-ledger-service keeps it.

import HandlerTesting
import Kit

/// Does what it is asked once for each key, and answers a repeat as it did the first time.
final class KeyedService {
    /// What goes wrong around one call.
    enum Mishap: CaseIterable {
        /// Nobody is there.
        case down
        /// It is done, and nobody hears of it.
        case answerLost
        /// It is done and answered, and the event's commit does not come about.
        case commitLost
    }

    /// What it did, in order.
    private(set) var done: [JSON] = []
    private var answers: [String: (asked: JSON, answer: ServiceResponse)] = [:]
    private let work: (JSON) -> ServiceResponse
    /// Asked before each call.
    var mishap: () -> Mishap? = { nil }

    init(_ work: @escaping (JSON) -> ServiceResponse) { self.work = work }

    /// Opens it to a host under a name.
    func serve(_ host: FakeHost, as name: String) {
        host.services[name] = { [unowned host] request in try self.answer(request, host) }
    }

    private func answer(_ request: ServiceRequest, _ host: FakeHost) throws -> ServiceResponse {
        let mishap = mishap()
        if mishap == .down { throw HostFailure.unavailable }
        let asked = try JSON(parsing: request.body)
        let answer = answer(asked, key: request.idempotencyKey)
        if mishap == .answerLost { throw HostFailure.unavailable }
        // The answer to an event whose time is over does not count.
        if mishap == .commitLost { host.remaining = .zero }
        return answer
    }

    private func answer(_ asked: JSON, key: String) -> ServiceResponse {
        if let known = answers[key] { return known.asked == asked ? known.answer : ServiceResponse(status: 409) }
        let answer = work(asked)
        if answer.isSuccess {
            answers[key] = (asked, answer)
            if answer.status != 202 { done.append(asked) }
        }
        return answer
    }
}
