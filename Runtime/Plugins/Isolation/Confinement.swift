import Events
import WorkerProtocol

extension HandlerOptions {
    /// The arguments of a worker's program: what is to be shut, and the bounds.
    /// - Parameter user: its uid and gid; 0 for the sidecar's own.
    func confinement(user: UInt32) -> [String] {
        let mode =
            switch sandbox {
            case .off: WP_SANDBOX_OFF
            case .available: WP_SANDBOX_AVAILABLE
            case .required: WP_SANDBOX_REQUIRED
            case .strict: WP_SANDBOX_STRICT
            }
        return [String(mode), String(memory), String(openFiles), String(Limits.workerThreads), String(user)] + readable
    }
}
