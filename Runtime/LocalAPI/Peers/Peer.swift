/// The process at the other end of a connection, as the kernel knew it when it connected (unix(7), SO_PEERCRED and
/// SO_PEERGROUPS).
struct Credentials: Sendable, Hashable {
    /// 0 for a process outside of our pid namespace.
    let process: Int32
    let user: UInt32
    /// The primary group first, then the supplementary ones.
    let groups: [UInt32]

    /// What the kernel shows for an id that our user namespace does not know (/proc/sys/kernel/overflowuid): it could
    /// be anybody.
    static let overflow: UInt32 = 65_534
}

/// Somebody who may use the socket, and as what.
struct Peer: Sendable, Hashable {
    let process: Int32
    let user: UInt32
    let groups: [UInt32]
    let grant: Grant

    init(_ credentials: Credentials, _ grant: Grant) {
        process = credentials.process
        user = credentials.user
        groups = credentials.groups
        self.grant = grant
    }
}
