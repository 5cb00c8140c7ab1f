import CProcess
import Cryptography
public import Events
import Glibc

/// A plugin as it was when it was read: a sealed copy in memory, so that nothing written to its path later counts.
public final class PluginFile: Sendable {
    public let path: String
    public let digest: Digest
    let descriptor: Int32

    /// Larger ones are no plugins.
    static let bytesAtMost = 268_435_456

    /// - Throws: `plugin.unreadable`; `plugin.pin` if `pin` is another digest.
    public static func load(_ path: String, pin: Digest?) throws(Failure) -> PluginFile {
        let source = open(path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw Failure(.pluginUnreadable, path, SystemError.text(errno)) }
        defer { close(source) }
        var status = stat()
        guard fstat(source, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= bytesAtMost else {
            throw Failure(.pluginUnreadable, path, "not a regular file of at most \(bytesAtMost) bytes")
        }
        let file = cp_memory_file("outrigger-plugin")
        guard file >= 0 else { throw Failure(.pluginUnreadable, path, SystemError.text(-file)) }
        do throws(Failure) {
            let digest = try copy(from: source, to: file, path)
            guard cp_seal(file) == 0 else { throw Failure(.pluginUnreadable, path, "the copy cannot be sealed") }
            if let pin, pin != digest {
                throw Failure(.pluginPin, path, "pinned \(pin.hexadecimal), found \(digest.hexadecimal)")
            }
            return PluginFile(path: path, digest: digest, descriptor: file)
        } catch {
            close(file)
            throw error
        }
    }

    private static func copy(from source: Int32, to file: Int32, _ path: String) throws(Failure) -> Digest {
        var hash = SHA256Stream()
        var buffer = [UInt8](repeating: 0, count: 262_144)
        var total = 0
        while true {
            let count = read(source, &buffer, buffer.count)
            if count == 0 { return hash.finish() }
            total += max(count, 0)
            guard count > 0, total <= bytesAtMost, write(file, buffer, count) == count else {
                throw Failure(.pluginUnreadable, path, count < 0 ? SystemError.text(errno) : "cannot be copied")
            }
            hash.update(buffer[..<count])
        }
    }

    private init(path: String, digest: Digest, descriptor: Int32) {
        self.path = path
        self.digest = digest
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
