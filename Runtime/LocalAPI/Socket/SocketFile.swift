import Events
import Glibc

/// Where a socket is to be, and who may open it.
public struct SocketPlace: Sendable, Hashable {
    /// Absolute.
    public let path: String
    /// Permission bits: who may not write may not connect (unix(7)).
    public let mode: UInt32
    /// Its group; `nil` leaves the sidecar's own.
    public let group: UInt32?

    public init(path: String, mode: UInt32, group: UInt32?) {
        self.path = path
        self.mode = mode
        self.group = group
    }
}

/// One Unix socket in the file system, ours alone: its lock is held as long as this lives.
///
/// It never stands under its name with other permissions than its own: it is bound under another name in the same
/// folder, made ready there, and renamed. Whoever connects after that finds it listening.
final class SocketFile: Sendable {
    static let suffix = ".new"

    /// Bound and listening; owned by who serves it.
    let descriptor: Int32
    private let path: String
    private let lock: Int32
    private let identity: Identity

    /// Names a file whatever its path: device and inode.
    private struct Identity: Equatable {
        let device: UInt64
        let node: UInt64

        /// They are the first two words of `struct stat` on 64-bit Linux; its members are hidden beside SwiftNIO, whose
        /// own C module declares them a second time.
        init?(of path: String) {
            var words = [UInt64](repeating: 0, count: 32)
            let code = words.withUnsafeMutableBytes { bytes in
                bytes.baseAddress.map { lstat(path, $0.assumingMemoryBound(to: stat.self)) } ?? -1
            }
            guard code == 0 else { return nil }
            (device, node) = (words[0], words[1])
        }
    }

    /// - Throws: `settings.invalid`: another process serves it, something else stands there, or it cannot be made.
    init(_ place: SocketPlace) throws(Failure) {
        path = place.path
        try SocketFile.checkPath(path)
        try SocketFile.makeFolder(of: path)
        let lock = try SocketFile.takeLock(of: path)
        do throws(Failure) {
            try SocketFile.checkStale(path)
            descriptor = try SocketFile.listen(at: path + SocketFile.suffix, place)
            guard rename(path + SocketFile.suffix, path) == 0, let identity = Identity(of: path) else {
                let why = SocketFile.systemError()
                close(descriptor)
                throw SocketFile.failure(path, "cannot get its name: \(why)")
            }
            self.identity = identity
        } catch {
            close(lock)
            throw error
        }
        self.lock = lock
    }

    deinit { close(lock) }

    /// Who serves it has set another backlog.
    func listenAgain() { _ = Glibc.listen(descriptor, Int32(Limits.apiBacklog)) }

    /// Takes it out of the file system, if nobody has put another one in its place.
    func remove() {
        if Identity(of: path) == identity { unlink(path) }
    }

    // MARK: - steps

    private static func checkPath(_ path: String) throws(Failure) {
        // Abstract sockets have no owner and no mode: whoever shares the network namespace may connect.
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw failure(path, "must be an absolute path in the file system")
        }
        guard path.utf8.count <= Limits.socketPathBytes else {
            let (bytes, room) = (path.utf8.count, Limits.socketPathBytes)
            throw failure(path, "the path has \(bytes) bytes; the kernel takes \(room) with our suffix")
        }
    }

    private static func makeFolder(of path: String) throws(Failure) {
        var folder = ""
        for part in path.split(separator: "/").dropLast() {
            folder += "/" + part
            guard mkdir(folder, 0o755) == 0 || errno == EEXIST || access(folder, X_OK) == 0 else {
                throw failure(path, "the folder \(folder) cannot be made: \(systemError())")
            }
        }
    }

    private static func takeLock(of path: String) throws(Failure) -> Int32 {
        let lock = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw failure(path, "its lock file cannot be opened: \(systemError())") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw failure(path, "another sidecar serves this socket; give each its own path")
        }
        return lock
    }

    /// What a process left behind that is gone may be replaced; a socket that answers may not.
    private static func checkStale(_ path: String) throws(Failure) {
        guard Identity(of: path) != nil else { return }
        // open(2): ENXIO is what a socket answers.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor < 0, errno == ENXIO || errno == EACCES else {
            if descriptor >= 0 { close(descriptor) }
            throw failure(path, "something that is no socket stands there; remove it, or choose another path")
        }
        let probe = try makeSocket(path)
        defer { close(probe) }
        let code = try withAddress(of: path) { connect(probe, $0, $1) }
        guard code != 0, errno == ECONNREFUSED || errno == ENOENT else {
            throw failure(path, "another program listens there; end it, or choose another path")
        }
    }

    private static func listen(at path: String, _ place: SocketPlace) throws(Failure) -> Int32 {
        unlink(path)
        let socket = try makeSocket(path)
        var isReady = false
        defer { if !isReady { close(socket) } }
        // The mode of the descriptor is the one that bind gives to the file: nobody connects before it is ours.
        guard fchmod(socket, 0o600) == 0, try withAddress(of: path, { bind(socket, $0, $1) }) == 0 else {
            throw failure(place.path, "cannot be made: \(systemError())")
        }
        if let group = place.group, chown(path, uid_t.max, group) != 0 {
            let why = systemError()
            unlink(path)
            throw failure(place.path, "cannot be given to group \(group): \(why)")
        }
        guard chmod(path, place.mode) == 0, Glibc.listen(socket, Int32(Limits.apiBacklog)) == 0 else {
            throw failure(place.path, "cannot be opened: \(systemError())")
        }
        isReady = true
        return socket
    }

    private static func makeSocket(_ path: String) throws(Failure) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw failure(path, "no socket can be had: \(systemError())") }
        return descriptor
    }

    private static func withAddress(
        of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(Failure) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else { throw failure(path, "the path is too long for a socket") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func failure(_ path: String, _ cause: String) -> Failure {
        Failure(.settingsInvalid, "socket \(path)", cause)
    }

    private static func systemError() -> String { String(cString: strerror(errno)) }
}
