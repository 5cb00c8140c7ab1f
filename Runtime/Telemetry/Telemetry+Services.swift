// The services of the pod: exchanges with them, and whether they are asked at all.
public import Events

extension Telemetry {
    public enum CircuitState: String, Sendable {
        case closed
        case halfOpen = "half-open"
        case open

        fileprivate var level: Double {
            switch self {
            case .closed: 0
            case .halfOpen: 1
            case .open: 2
            }
        }
    }

    /// An exchange, however it ended.
    public func serviceAnswered(_ service: String, _ handler: HandlerID, status: Int, took: Duration) {
        registry.add(.calls, [service, handler.text, "\(status / 100)xx"])
        registry.observe(.callSeconds, [service], took)
    }

    public func serviceFailed(
        _ service: String, _ handler: HandlerID, _ failure: Failure, took: Duration, at now: Instant
    ) {
        registry.add(.calls, [service, handler.text, failure.code.rawValue])
        registry.observe(.callSeconds, [service], took)
        report(failure, handler: handler, at: now)
    }

    /// It was not asked. Counted, and not logged: the event that waits for it is.
    public func serviceRefused(_ service: String, _ handler: HandlerID) {
        registry.add(.calls, [service, handler.text, "refused"])
    }

    public func serviceAppeared(_ service: String) {
        registry.set(.circuit, [service], to: CircuitState.closed.level)
    }

    /// - Parameter until: when one call is let through to try.
    public func circuitChanged(_ service: String, _ state: CircuitState, until: Instant?, at now: Instant) {
        registry.set(.circuit, [service], to: state.level)
        var line = LogLine(state == .open ? .warning : .info, "circuit breaker of a service is \(state.rawValue)")
            .with("service", service)
        if let until { line = line.with("open_ms", String((until - now).milliseconds)) }
        write(at: now, line.level, from: .sidecar, line)
    }

    /// The service is in no generation any more: its gauge goes.
    public func serviceRemoved(_ service: String) { registry.remove([.circuit], first: service) }
}
