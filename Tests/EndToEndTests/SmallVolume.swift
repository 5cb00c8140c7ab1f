import Foundation
import Support
import Testing

/// A small volume that only those see who enter its namespace: for a store that has no more room, or none to write to.
final class SmallVolume {
    let path: String
    private let holder = Process()
    private let lifeline = Pipe()

    /// - Parameter options: those of `mount`.
    init(of house: House, megabytes: Int, options: String = "rw") throws {
        path = house.folder.file("volume")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let words = Pipe()
        holder.executableURL = URL(filePath: "/usr/bin/env")
        // Only root may mount; anybody is root in a user namespace of his own. It ends with this process.
        let mount = "mount -t tmpfs -o size=\(megabytes)m,\(options) none '\(path)' && echo && exec cat >/dev/null"
        holder.arguments = ["unshare", Self.isRoot ? "-m" : "-rm", "sh", "-c", mount]
        holder.standardInput = lifeline
        holder.standardOutput = words
        try holder.run()
        try? words.fileHandleForWriting.close()
        try #require(!words.fileHandleForReading.availableData.isEmpty, "no volume could be mounted")
    }

    private static let isRoot = getuid() == 0

    /// A process that it becomes by `exec` sees the volume.
    var launcher: [String] {
        ["nsenter", "--target", String(holder.processIdentifier), "--mount"]
            + (Self.isRoot ? [] : ["--user", "--preserve-credentials"])
    }

    /// Runs a script of `sh` that sees the volume, in it.
    @discardableResult
    func run(_ script: String) throws -> (status: Int32, output: String) {
        try Shell.run(launcher.joined(separator: " ") + " sh -c 'cd \(path) && { \(script); }' 2>&1")
    }

    func fill() throws { try run("head -c 1G /dev/zero >ballast") }
    func free() throws { try run("rm -f ballast") }

    deinit {
        holder.terminate()
        holder.waitUntilExit()
    }
}
