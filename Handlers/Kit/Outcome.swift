/// How a handler answers an event.

/// The answer to one event. Whatever is not ``done`` commits nothing.
public enum Outcome: Hashable, Sendable {
    /// Commit, and never deliver this event again.
    case done
    /// Try again; counts as an attempt. Without `after` the host's backoff decides when.
    case retry(after: Duration? = nil, Reason)
    /// It can never succeed: to the dead letters, now.
    case reject(Reason)
    /// A dependency is down or throttles: later, and not an attempt. Repeated, it opens the circuit breaker.
    case wait(after: Duration? = nil, Reason)
}

/// Why an event was not done.
public struct Reason: Hashable, Sendable {
    /// For machines, `[a-z0-9.-]`, at most 63 bytes; a metric label, so one of a few constants.
    public let code: String
    /// For people, at most 255 bytes. Never a secret, never personal data, nothing of the payload.
    public let detail: String
    public init(_ code: String, _ detail: String = "") {
        self.code = code
        self.detail = detail
    }
}

/// Thrown where an event breaks a rule that no retry will mend.
public struct Rejection: Error, Hashable, Sendable {
    public let reason: Reason
    public init(_ code: String, _ detail: String = "") { reason = Reason(code, detail) }
}

extension Outcome {
    /// The answer that an error stands for. Of an unknown error only the type is told: its text may hold anything.
    public init(thrown error: any Error) {
        switch error {
        case let rejection as Rejection: self = .reject(rejection.reason)
        case let mismatch as JSON.Mismatch: self = .reject(Reason("payload.mismatch", mismatch.description))
        case let unreadable as JSON.Unreadable:
            self = .reject(Reason("payload.unreadable", "not JSON at byte \(unreadable.offset)"))
        case HostFailure.unavailable: self = .wait(Reason("host.unavailable"))
        case let failure as HostFailure: self = .retry(Reason("host.\(failure.rawValue)"))
        default: self = .retry(Reason("handler.threw", "\(type(of: error))"))
        }
    }
}
