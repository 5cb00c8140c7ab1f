// What is asked over the Unix sockets.
public import Events

extension Telemetry {
    /// - Parameter peer: the name of its grant: there are as many as the settings have.
    public func requested(socket: String, peer: String, status: Int, _ failure: Failure?, at now: Instant) {
        registry.add(.apiRequests, [socket, peer, String(status)])
        // A caller is told what it did wrong. Somebody who may not do what it tries is the operator's business.
        guard let failure, failure.code == .apiDenied || failure.code == .publishDenied || status >= 500 else { return }
        report(failure, at: now)
    }
}
