import Cryptography
import Events
import Glibc

/// Whose plugins are loaded. Asked of the sealed copy, before any worker starts.
public enum PluginTrust: Sendable, Hashable {
    /// Whoever may write the file.
    case anybody
    /// Only files whose digest the configuration pins.
    case pinned
    /// Only files with a signature beside them, FILE.sig, by one of these keys (``FileSignature``).
    case signed(by: [[UInt8]])

    /// - Throws: `plugin.pin`, `plugin.unsigned`, `plugin.bad-signature`.
    func check(_ file: PluginFile, isPinned: Bool) throws(Failure) {
        switch self {
        case .anybody: return
        case .pinned: if !isPinned { throw Failure(.pluginPin, file.path, "pins are required, and it has none") }
        case .signed(let keys): try check(file, keys)
        }
    }

    private func check(_ file: PluginFile, _ keys: [[UInt8]]) throws(Failure) {
        let path = file.path + ".sig"
        let source = open(path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw Failure(.pluginUnsigned, file.path, "\(path): \(SystemError.text(errno))") }
        defer { close(source) }
        var signature = [UInt8](repeating: 0, count: FileSignature.bytes + 1)
        let count = read(source, &signature, signature.count)
        guard count == FileSignature.bytes else {
            throw Failure(.pluginBadSignature, file.path, "\(path) has not the \(FileSignature.bytes) bytes of one")
        }
        signature.removeLast()
        let isGood = try file.withContent { content in
            keys.contains { FileSignature.verifies(signature, of: content, under: $0) }
        }
        guard isGood else {
            throw Failure(.pluginBadSignature, file.path, "\(path) is by none of the keys for this file")
        }
    }
}

extension PluginFile {
    /// The sealed copy, mapped for the time of the call.
    func withContent<Result>(_ body: (UnsafeRawBufferPointer) -> Result) throws(Failure) -> Result {
        var status = stat()
        fstat(descriptor, &status)
        let size = Int(status.st_size)
        guard size > 0 else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        guard let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED else {
            throw Failure(.pluginUnreadable, path, SystemError.text(errno))
        }
        defer { munmap(memory, size) }
        return body(UnsafeRawBufferPointer(start: memory, count: size))
    }
}
