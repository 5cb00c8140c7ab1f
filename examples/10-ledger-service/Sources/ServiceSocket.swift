/// The Unix socket: one process has it, and only its user and group may connect.

import ArgumentParser
import Foundation

struct ServiceSocket {
    let path: String
    private let lock: Int32

    /// A socket that a dead process left behind is replaced; one of a living process is not.
    /// - Throws: ValidationError where another process listens there.
    init(path: String) throws {
        self.path = path
        // The lock goes with the process, however that ends. A connect would ask whoever listens there now.
        lock = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw ValidationError("another process listens on \(path), or its folder cannot be written")
        }
        // Whatever is made from here on is for user and group alone: the socket gets 0660 with no moment in between.
        umask(0o117)
    }

    func remove() {
        unlink(path)
        close(lock)
    }
}
