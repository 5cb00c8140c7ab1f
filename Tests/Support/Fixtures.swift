import Foundation

/// Files under `Tests/Fixtures`, found from this source file, so that tests run from anywhere.
public enum Fixtures {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    public static func path(_ relative: String) -> String { root.appending(path: relative).path }

    public static func data(_ relative: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: root.appending(path: relative)))
    }

    public static func text(_ relative: String) throws -> String { String(decoding: try data(relative), as: UTF8.self) }

    /// The names of the files in a folder, sorted.
    public static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path(folder)).sorted()
    }

    /// The repository itself.
    public static let repository = root.deletingLastPathComponent().deletingLastPathComponent().path

    /// The folder that holds what the build made: `outrigger`, `outrigger-worker`, `libtreasury.so`.
    public static var products: String {
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
    }
}

/// A folder of the test's own, removed with it.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "outrigger-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    public func file(_ name: String) -> String { path + "/" + name }
}
