public import Events
import Glibc
public import Pipeline

/// A store's file, read beside the sidecar that has it open.
public struct StoreFile: Sendable {
    let path: String

    public init(_ path: String) { self.path = path }

    /// The oldest first. Throws `store.unavailable`.
    public func parkedGroups(at now: Instant) throws(Failure) -> [ParkedGroup] {
        try read { statements in
            var groups: [ParkedGroup] = []
            try statements.each(ParkedGroup.rows, [.instant(now)]) { row in
                groups.append(ParkedGroup(row))
                return true
            }
            return groups
        }
    }

    /// Those that hold now. Throws `store.unavailable`.
    public func permits(for event: String, at now: Instant) throws(Failure) -> [Permit] {
        try read { statements in
            var permits: [Permit] = []
            try statements.each(Permit.rows, [.text(event), .instant(now)]) { row in
                permits.append(Permit(row))
                return true
            }
            return permits
        }
    }

    func read<T>(_ body: (Statements) throws -> T) throws(Failure) -> T {
        guard access(path, R_OK) == 0 else {
            throw Failure(.storeUnavailable, path, String(cString: strerror(errno)))
        }
        let connection = try ReadConnection(path, isAlone: access(path + "-wal", F_OK) != 0)
        defer { connection.close() }
        return try connection.read(body)
    }
}
