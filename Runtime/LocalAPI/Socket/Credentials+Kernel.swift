import Events
import Glibc
import NIOCore

extension Credentials {
    /// SO_PEERGROUPS of the kernel's headers (asm-generic/socket.h); Glibc's Swift module does not have it.
    private static let peerGroups: Int32 = 59

    /// Of an accepted connection, on its event loop. `nil` if the kernel does not say: then it is nobody.
    init?(of channel: any Channel) {
        let found = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { Credentials(of: $0) }
        guard let credentials = found ?? nil else { return nil }
        self = credentials
    }

    init?(of descriptor: Int32) {
        // struct ucred: pid, uid, gid, of 32 bits each.
        var peer: [UInt32] = [0, 0, 0]
        var length = socklen_t(MemoryLayout<UInt32>.size * peer.count)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 else { return nil }
        guard let others = Credentials.groups(of: descriptor) else { return nil }
        self.init(process: Int32(bitPattern: peer[0]), user: peer[1], groups: [peer[2]] + others)
    }

    /// SO_PEERGROUPS says in the length how much room it needs.
    private static func groups(of descriptor: Int32) -> [UInt32]? {
        var groups: [UInt32] = []
        var length: socklen_t = 0
        while getsockopt(descriptor, SOL_SOCKET, peerGroups, &groups, &length) != 0 {
            let count = Int(length) / MemoryLayout<UInt32>.size
            guard errno == ERANGE, count > groups.count, count <= Limits.peerGroups else { return nil }
            groups = Array(repeating: 0, count: count)
        }
        return Array(groups.prefix(Int(length) / MemoryLayout<UInt32>.size))
    }
}
