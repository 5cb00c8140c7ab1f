import Events
import Hummingbird
import Logging
import NIOCore

/// Which of the two sockets a request came by, and so what can be done there at all.
public enum SocketKind: String, Sendable, CaseIterable {
    /// For the service in the pod.
    case service
    /// For who looks after the sidecar.
    case admin

    var roles: Set<Role> { self == .service ? [.publish, .read] : [.operate, .read] }
}

/// What a request's handlers know of who asks.
struct APIContext: RequestContext {
    struct Source: RequestContextSource {
        let logger: Logger
        let socket: SocketKind
        let peer: Peer
        let limits: PeerLimits
        let channel: any Channel
    }

    var coreContext: CoreRequestContextStorage
    let socket: SocketKind
    let peer: Peer
    let limits: PeerLimits
    /// The connection, for streams, which outlive the answer's beginning.
    let channel: any Channel

    init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        socket = source.socket
        peer = source.peer
        limits = source.limits
        channel = source.channel
    }

    /// - Throws: 403 `api.denied` where this socket or this peer has not the role.
    func require(_ role: Role) throws(ProblemError) {
        guard socket.roles.contains(role) else {
            let other = socket == .service ? SocketKind.admin : .service
            let cause = "'\(role.rawValue)' is for the \(other.rawValue) socket; this is the \(socket.rawValue) socket"
            throw denied(cause)
        }
        guard peer.grant.roles.contains(role) else {
            throw denied("peer \(peer.grant.name) (uid \(peer.user)) has not the role '\(role.rawValue)'")
        }
    }

    private func denied(_ cause: String) -> ProblemError {
        ProblemError(.forbidden, Failure(.apiDenied, "peer \(peer.grant.name)", cause))
    }
}
