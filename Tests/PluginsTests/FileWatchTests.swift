import Foundation
@testable import Plugins
import Support
import Testing

/// Changes as deployments make them, seen through the directories.
@Suite struct FileWatchTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(_ text: String, to name: String) throws {
        try text.write(toFile: folder.file(name), atomically: false, encoding: .utf8)
    }

    private func link(_ target: String, at name: String) throws {
        try FileManager.default.createSymbolicLink(atPath: folder.file(name), withDestinationPath: target)
    }

    private func watch(_ name: String, round: Duration = .seconds(600)) -> FileWatch {
        let watch = FileWatch(round: round, quiet: .milliseconds(50), longest: .milliseconds(500))
        watch.watch([folder.file(name)])
        watch.start()
        return watch
    }

    /// Makes a change that counts after one that does not: a wake for the second alone.
    private func first(_ watch: FileWatch, after change: () throws -> Void) async throws -> FileWatch.Wake? {
        try change()
        defer { watch.stop() }
        for await wake in watch.wakes { return wake }
        return nil
    }

    @Test func aFileThatIsWrittenInPlace() async throws {
        try write("old", to: "config")
        #expect(try await first(watch("config")) { try write("new", to: "config") } == .change)
    }

    @Test func aFileThatIsRenamedOverIt() async throws {
        try write("old", to: "config")
        try write("new", to: "config.new")
        let seen = try await first(watch("config")) { rename(folder.file("config.new"), folder.file("config")) }
        #expect(seen == .change)
    }

    @Test func aFileThatAppearsLater() async throws {
        #expect(try await first(watch("config")) { try write("new", to: "config") } == .change)
    }

    @Test func permissionsThatAreMended() async throws {
        try write("text", to: "config")
        #expect(try await first(watch("config")) { chmod(folder.file("config"), 0o600) } == .change)
    }

    @Test func aConfigMapWhoseDataIsSwapped() async throws {
        for version in ["..1", "..2"] {
            try FileManager.default.createDirectory(atPath: folder.file(version), withIntermediateDirectories: true)
            try write(version, to: version + "/config")
        }
        try link("..1", at: "..data")
        try link("..data/config", at: "config")
        #expect(
            Set(WatchedPath.places(of: folder.file("config")).filter { $0.directory.hasPrefix(folder.path) })
                == [
                    .init(directory: folder.path, name: "config"), .init(directory: folder.path, name: "..data"),
                    .init(directory: folder.file("..1"), name: "config"),
                ])
        try link("..2", at: "..data_tmp")
        let seen = try await first(watch("config")) { rename(folder.file("..data_tmp"), folder.file("..data")) }
        #expect(seen == .change)
    }

    @Test func aFolderOnTheWayThatIsALink() async throws {
        for version in ["v1", "v2"] {
            try FileManager.default.createDirectory(atPath: folder.file(version), withIntermediateDirectories: true)
            try write(version, to: version + "/plugin.so")
        }
        try link("v1", at: "current")
        try link("v2", at: "next")
        let seen = try await first(watch("current/plugin.so")) { rename(folder.file("next"), folder.file("current")) }
        #expect(seen == .change)
    }

    @Test func aNeighbourIsNoNews() async throws {
        let watch = watch("config", round: .milliseconds(300))
        #expect(try await first(watch) { try write("text", to: "neighbour") } == .round)
    }

    @Test func linksInACircleHaveAnEnd() throws {
        try link("b", at: "a")
        try link("a", at: "b")
        #expect(WatchedPath.places(of: folder.file("a")).count < 100)
    }
}
