import Glibc

/// Where a change can give a path another content: each symbolic link on its way, and the file at its end.
///
/// A mounted ConfigMap is `outrigger.yaml -> ..data/outrigger.yaml` and `..data -> ..2026_11_21`; an update renames
/// another link over `..data`, and touches neither the file nor the first link.
enum WatchedPath {
    struct Place: Hashable {
        let directory: String
        let name: String
    }

    /// As many as the kernel follows (path_resolution(7)).
    private static let linksAtMost = 40

    static func places(of path: String) -> [Place] {
        var places: [Place] = []
        var rest = names(in: path)
        var directory = "/"
        var links = 0
        while !rest.isEmpty {
            let name = rest.removeFirst()
            if name == ".." {
                directory = parent(of: directory)
                continue
            }
            let next = directory == "/" ? "/\(name)" : "\(directory)/\(name)"
            if let target = link(at: next), links < linksAtMost {
                links += 1
                places.append(Place(directory: directory, name: name))
                rest = names(in: target) + rest
                if target.hasPrefix("/") { directory = "/" }
                continue
            }
            if rest.isEmpty { places.append(Place(directory: directory, name: name)) }
            directory = next
        }
        return places
    }

    private static func names(in path: String) -> [String] {
        path.split(separator: "/").filter { $0 != "." }.map(String.init)
    }

    private static func parent(of directory: String) -> String {
        let names = names(in: directory).dropLast()
        return "/" + names.joined(separator: "/")
    }

    private static func link(at path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }
}
