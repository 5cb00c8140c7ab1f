import Foundation
import Support
import Testing

/// A small volume that only those see who enter its namespace: for a store that has no more room, or none to write to.
final class SmallVolume {
    let path: String
    private let holder: ChildProcess

    /// - Parameter options: those of `mount`.
    init(of house: House, megabytes: Int, options: String = "rw") throws {
        path = house.folder.file("volume")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        // Only root may mount; anybody is root in a user namespace of his own. It ends with this process.
        let mount = "mount -t tmpfs -o size=\(megabytes)m,\(options) none '\(path)' && echo && exec cat >/dev/null"
        holder = try ChildProcess(
            ["unshare", Self.isRoot ? "-m" : "-rm", "sh", "-c", mount], input: .pipe, output: .pipe)
        try #require(holder.output?.read(within: .seconds(20)) == .bytes([10]), "no volume could be mounted")
    }

    private static let isRoot = getuid() == 0

    /// A process that it becomes by `exec` sees the volume.
    var launcher: [String] {
        ["nsenter", "--target", String(holder.id), "--mount"]
            + (Self.isRoot ? [] : ["--user", "--preserve-credentials"])
    }

    /// The same for a process that will not be root, as `postgres` will not: it is this user there, too.
    var userLauncher: [String] {
        launcher + (Self.isRoot ? [] : ["unshare", "-U", "--map-user=\(geteuid())", "--map-group=\(getegid())"])
    }

    /// Runs a script of `sh` that sees the volume, in it.
    @discardableResult
    func run(_ script: String) throws -> (status: Int32, output: String) {
        try Shell.run(launcher.joined(separator: " ") + " sh -c 'cd \(path) && { \(script); }' 2>&1")
    }

    func fill() throws { try run("head -c 1G /dev/zero >ballast") }
    func free() throws { try run("rm -f ballast") }
}
