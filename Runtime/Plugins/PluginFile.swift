import CProcess
import Cryptography
public import Events
import Glibc

/// A plugin as it was when it was read: a sealed copy in memory, so that nothing written to its path later counts.
public final class PluginFile: Sendable {
    public let path: String
    public let digest: Digest
    let descriptor: Int32
    /// What the worker loads in its place, to call its functions.
    let carrier: PluginFile?
    /// What the worker loads.
    var loaded: PluginFile { carrier ?? self }

    /// Larger ones are no plugins.
    static let bytesAtMost = 268_435_456

    /// Loads what a handler needs, and checks it before any worker sees it.
    /// - Throws: `plugin.unreadable`, `plugin.pin`, `plugin.unsigned`, `plugin.bad-signature`; `plugin.mismatch`
    ///   for one that cannot run inline.
    static func load(_ options: HandlerOptions) throws(Failure) -> PluginFile {
        let carrier: PluginFile? = if let path = options.carrier { try load(path, pin: nil) } else { nil }
        let file = try load(options.plugin, pin: options.pin, carrier: carrier)
        try options.trust.check(file, isPinned: options.pin != nil)
        if options.isInline { try InlineCheck.check(file.loaded) }
        return file
    }

    /// - Throws: `plugin.unreadable`; `plugin.pin` if `pin` is another digest.
    public static func load(
        _ path: String, pin: Digest?, carrier: PluginFile? = nil
    ) throws(Failure) -> PluginFile {
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
            return PluginFile(path: path, digest: digest, descriptor: file, carrier: carrier)
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

    private init(path: String, digest: Digest, descriptor: Int32, carrier: PluginFile?) {
        self.carrier = carrier
        self.path = path
        self.digest = digest
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
