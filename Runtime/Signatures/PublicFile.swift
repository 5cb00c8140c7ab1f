public import Events
import Glibc

/// Files that hold no secret: key sets, and what is signed.
public enum PublicFile {
    /// - Throws: `settings.unreadable`, also for a file of more than `atMost` bytes.
    public static func bytes(of path: String, atMost: Int) throws(Failure) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Failure(.settingsUnreadable, path, String(cString: strerror(errno))) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= atMost else {
            throw Failure(.settingsUnreadable, path, "not a file of at most \(atMost) bytes")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress! + filled, $0.count - filled) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure(.settingsUnreadable, path, "it changed while it was read") }
            filled += count
        }
        return bytes
    }
}
