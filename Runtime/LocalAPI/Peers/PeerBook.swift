import Events
import Hummingbird
import Synchronization

/// Who may use the sockets, and how much of them: from the generation in force.
public struct PeerPolicy: Sendable {
    /// In the order of the settings: the first that covers a process is its grant.
    public var grants: [Grant]
    /// Requests a second of one peer.
    public var rate: Int
    /// Bytes of one body.
    public var body: Int
    /// Streams of one peer.
    public var streams: Int

    public init(grants: [Grant], rate: Int, body: Int, streams: Int) {
        self.grants = grants
        self.rate = rate
        self.body = body
        self.streams = streams
    }

    /// Where no peers are set: processes of the sidecar's own user may look and operate, and nobody may sign.
    public static func ownUser(_ user: UInt32) -> Grant {
        Grant(name: "own-user", users: [user], groups: [], roles: [.read, .operate])
    }
}

/// Knows who is who, and what each has in use. Thread-safe; it never blocks.
public final class PeerBook: Sendable {
    private struct State {
        var grants: [Grant]
        var limits: [String: PeerLimits]
    }

    private let isWorker: @Sendable (Int32) -> Bool
    private let state: Mutex<State>

    /// - Parameter isWorker: whether a process runs a handler: those have no business here, whatever their user.
    public init(_ policy: PeerPolicy, isWorker: @escaping @Sendable (Int32) -> Bool) {
        self.isWorker = isWorker
        state = Mutex(State(grants: policy.grants, limits: Self.limits(of: policy, keeping: [:])))
    }

    /// Holds from the next request on, on connections that are open as well.
    public func become(_ policy: PeerPolicy) {
        state.withLock { state in
            state = State(grants: policy.grants, limits: Self.limits(of: policy, keeping: state.limits))
        }
    }

    private static func limits(of policy: PeerPolicy, keeping old: [String: PeerLimits]) -> [String: PeerLimits] {
        let bounds = PeerLimits.Bounds(rate: policy.rate, body: policy.body, streams: policy.streams)
        let pairs = policy.grants.map { grant in
            let limits = old[grant.name] ?? PeerLimits(grant.name, bounds)
            limits.become(bounds)
            return (grant.name, limits)
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// - Throws: 403 `api.denied`.
    func peer(_ credentials: Credentials?) throws(ProblemError) -> (Peer, PeerLimits) {
        guard let credentials else { throw denied("the kernel does not say who this process is") }
        guard credentials.user != Credentials.overflow else {
            throw denied("uid \(Credentials.overflow) stands for every user that this system does not know")
        }
        guard !isWorker(credentials.process) else {
            let cause = "process \(credentials.process) is a worker of this sidecar: handlers use their host's services"
            throw denied(cause)
        }
        let groups = credentials.groups.filter { $0 != Credentials.overflow }
        let found = state.withLock { state in
            state.grants.first { $0.covers(user: credentials.user, groups: groups) }.flatMap { grant in
                state.limits[grant.name].map { (Peer(credentials, grant), $0) }
            }
        }
        guard let found else {
            throw denied("no peer is set for uid \(credentials.user) and gids \(credentials.groups.prefix(32))")
        }
        return found
    }

    private func denied(_ cause: String) -> ProblemError {
        ProblemError(.forbidden, Failure(.apiDenied, "peer", cause)).closing
    }
}
