public import Events
import Glibc

/// A file that should be a plugin, read but not loaded: what it is, what it exports and what it needs.
public struct LibraryFile: Sendable {
    public let path: String
    public let bytes: Int
    /// Every symbol that it defines for others, sorted.
    public let exported: [String]
    /// Names in the full symbol table that are not exported; empty in a stripped library.
    public let hidden: [String]
    /// The shared libraries that it asks for by name.
    public let needed: [String]

    public static let entry = "eh_plugin_entry_v1"
    /// What linkers add by themselves.
    private static let ofTheLinker: Set<String> = ["__bss_start", "_edata", "_end", "_init", "_fini"]
    private static let bytesAtMost = 268_435_456

    /// - Throws: `plugin.unreadable` for what cannot be read, `plugin.not-loadable` for what is no library for this
    ///   machine, each in words that say what it is instead.
    public init(reading path: String) throws(Failure) {
        let content = try Self.read(path)
        if let what = Self.otherThanELF(content) { throw Failure(.pluginNotLoadable, path, what) }
        let image = ELFImage(content)
        if let why = image.unfit { throw Failure(.pluginNotLoadable, path, why) }
        guard let tables = image.tables else {
            throw Failure(.pluginNotLoadable, path, "an ELF file whose tables are cut off or damaged: copy it again")
        }
        self.path = path
        bytes = content.count
        exported = Set(tables.exported).subtracting(Self.ofTheLinker).sorted()
        hidden = Set(tables.local).subtracting(tables.exported).sorted()
        needed = tables.needed
    }

    /// Why there is no entry symbol, with the names that look near; `nil` if there is one.
    public var missingEntry: String? {
        if exported.contains(Self.entry) { return nil }
        if hidden.contains(Self.entry) {
            return "\(Self.entry) is there but not exported: declare it EH_EXPORT (the header does), and list it as "
                + "global in the version script"
        }
        if let mangled = (exported + hidden).first(where: { $0.hasPrefix("_Z") && $0.contains(Self.entry) }) {
            return "\(Self.entry) is exported under its C++ name \(mangled): include event_handler.h, or declare it "
                + "extern \"C\""
        }
        let near = exported.filter { Self.isNear($0) }
        if let name = near.first {
            let others = near.count > 1 ? " (and \(near.dropFirst().joined(separator: ", ")))" : ""
            return "no symbol \(Self.entry), but \(name)\(others)"
        }
        return exported.isEmpty
            ? "no symbol \(Self.entry): nothing is exported"
            : "no symbol \(Self.entry) among the \(exported.count) that are exported"
    }

    private static func isNear(_ name: String) -> Bool {
        let plain = name.lowercased()
        return plain.hasPrefix("eh_") || plain.contains("plugin_entry") || plain.contains("plugin")
    }

    private static func read(_ path: String) throws(Failure) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            let why = errno == EACCES ? "no permission to read it: chmod a+r" : String(cString: strerror(errno))
            throw Failure(.pluginUnreadable, path, why)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else {
            throw Failure(.pluginUnreadable, path, String(cString: strerror(errno)))
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            throw Failure(.pluginUnreadable, path, "a directory: name the .so file in it")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure(.pluginUnreadable, path, "not a regular file") }
        guard status.st_size <= bytesAtMost else {
            throw Failure(.pluginUnreadable, path, "larger than \(bytesAtMost) bytes")
        }
        var content = [UInt8](repeating: 0, count: Int(status.st_size))
        var total = 0
        while total < content.count {
            let count = content.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress.map { $0 + total }, $0.count - total)
            }
            if count < 0 { throw Failure(.pluginUnreadable, path, String(cString: strerror(errno))) }
            if count == 0 { break }
            total += count
        }
        return Array(content.prefix(total))
    }

    /// What a file is that is not ELF, in words; `nil` for one that is.
    private static func otherThanELF(_ content: [UInt8]) -> String? {
        if content.starts(with: [0x7f, 0x45, 0x4c, 0x46]) { return nil }
        if content.isEmpty { return "an empty file: the build, or the copy, has not finished" }
        let magics: [([UInt8], String)] = [
            (Array("!<arch>".utf8), "a static library (.a): link a shared one, with -shared"),
            ([0xcf, 0xfa, 0xed, 0xfe], "a library for macOS: build it on, or for, Linux"),
            ([0xca, 0xfe, 0xba, 0xbe], "a library for macOS: build it on, or for, Linux"),
            (Array("MZ".utf8), "a library for Windows: build it on, or for, Linux"),
            (Array("\0asm".utf8), "a WebAssembly module: build a shared library for this machine"),
            ([0x1f, 0x8b], "a gzip archive: unpack it"), (Array("PK".utf8), "a zip archive: unpack it"),
        ]
        if let known = magics.first(where: { content.starts(with: $0.0) }) { return known.1 }
        if String(validating: content.prefix(256), as: UTF8.self) != nil, !content.prefix(256).contains(0) {
            return "a text file: name the .so that the build made"
        }
        return "no shared library"
    }
}
