import Events
import Glibc

/// The lock that makes this process the only sidecar of a store: `flock` on a file beside the database, held until
/// the process ends or the store is closed, whatever happens to the connection in between.
struct StoreLock: ~Copyable {
    private let descriptor: CInt

    init(path: String) throws(Failure) {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Failure(.storeUnavailable, path, String(cString: strerror(errno)))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            Glibc.close(descriptor)
            guard reason == EWOULDBLOCK else {
                throw Failure(.storeUnavailable, path, String(cString: strerror(reason)))
            }
            throw Failure(.storeLocked, path, "another process holds the lock")
        }
        self.descriptor = descriptor
    }

    /// Whether a store was ever made beside it.
    var isMarked: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_size > 0
    }

    /// Says so, for as long as the lock's file is there.
    func mark() throws(Failure) {
        guard isMarked || pwrite(descriptor, "made\n", 5, 0) == 5, fsync(descriptor) == 0 else {
            throw Failure(.storeUnavailable, "", String(cString: strerror(errno)))
        }
    }

    deinit { Glibc.close(descriptor) }
}

/// What the file system says of a path.
enum Volume {
    /// Bytes that are free for this process on the volume of `path`.
    static func freeBytes(at path: String) throws(Failure) -> Int {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else {
            throw Failure(.storeUnavailable, path, String(cString: strerror(errno)))
        }
        let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
            by: Int(clamping: status.f_frsize))
        return overflow ? .max : bytes
    }

    /// Bytes of a file; zero for one that does not exist.
    static func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Makes sure that the file can be written. A new one is its owner's alone: what is in it may be personal.
    static func openPrivate(_ path: String, create: Bool) throws(Failure) {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0o600)
        guard descriptor >= 0 else { throw Failure(.storeUnavailable, path, String(cString: strerror(errno))) }
        Glibc.close(descriptor)
    }
}
