public import Events

/// What happens with a service, as values: each log line and metric derives from one of these.
public enum ServiceEvent: Sendable {
    case answered(HandlerID, status: Int, took: Duration)
    /// No answer, or none that is of use: `call.*`.
    case failed(HandlerID, Failure, took: Duration)
    /// Refused without being sent: by the open circuit, or since too many wait.
    case refused(HandlerID, Failure)
    /// The service is in the generation in force, and asked.
    case appeared
    /// Its circuit has changed from one state to another.
    case circuit(Circuit.State)
    /// The service is in no generation any more.
    case gone
}

/// Called by whoever makes the call: it must not block.
public protocol ServiceObserver: Sendable {
    func note(_ event: ServiceEvent, of service: String)
}
