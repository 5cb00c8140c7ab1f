// Second builds of handlers, tried beside those that serve.
public import Events

extension Telemetry {
    public func trialRan(_ handler: HandlerID, kind: String, result: String) {
        registry.add(.trialEvents, [handler.text, kind, result])
    }

    /// A shadow did something else. Which event, and what kind of difference; never what it said.
    public func trialDiffered(_ handler: HandlerID, _ event: EventID, _ explanation: String, at now: Instant) {
        var line = LogLine(.warning, "the second build did otherwise: \(explanation)")
        line.stage = .handle
        line.handler = handler
        line.eventID = event.text
        write(at: now, .warning, from: .sidecar, line)
    }

    public func trialDecided(_ handler: HandlerID, verdict: String, reason: String, at now: Instant) {
        registry.add(.trialDecisions, [handler.text, verdict])
        var line = LogLine(.info, "the second build is \(verdict)").with("reason", reason)
        line.handler = handler
        write(at: now, .info, from: .sidecar, line)
    }
}
