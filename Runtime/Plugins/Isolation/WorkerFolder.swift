import CProcess
import Events
import Glibc

/// A worker's working directory: its own, empty, and removed with it. One of another user may enter it, and none write.
/// Of an inline one it is the place where its library has a name.
final class WorkerFolder {
    let path: String
    private static let suffix = ".work"

    init(in directory: String) throws(Failure) {
        path = "\(directory)/\(UInt64.random(in: 0...UInt64.max))\(Self.suffix)"
        guard mkdir(path, 0o711) == 0, chmod(path, 0o711) == 0 else {
            throw Failure(.handleWorkerUnavailable, path, SystemError.text(errno))
        }
    }

    private static let library = "plugin.so"

    /// A file under a name that it has alone; `nil` where there is no room for one.
    func link(to descriptor: Int32) -> String? {
        let name = "\(path)/\(Self.library)"
        return symlink("/proc/self/fd/\(descriptor)", name) == 0 ? name : nil
    }

    func remove() { Self.remove(path) }

    private static func remove(_ path: String) {
        unlink("\(path)/\(library)")
        rmdir(path)
    }

    /// Removes those that an earlier sidecar left.
    static func sweep(_ directory: String) {
        for name in FolderListing.names(in: directory) where name.hasSuffix(suffix) { remove("\(directory)/\(name)") }
    }
}

enum FolderListing {
    /// What is in a folder, without the two that are always there.
    static func names(in directory: String) -> [String] {
        guard let listing = opendir(directory) else { return [] }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
