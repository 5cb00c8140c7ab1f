import Events
import Foundation
import HTTP
import Support
import Testing

@testable import LocalAPI

@Suite struct SocketFileTests {
    private let bench = SocketBench()

    /// `nil`: nothing is there.
    private func attributes(_ path: String) -> [FileAttributeKey: Any]? {
        try? FileManager.default.attributesOfItem(atPath: path)
    }
    private func number(_ key: FileAttributeKey, of path: String) -> Int? {
        (attributes(path)?[key] as? NSNumber)?.intValue
    }

    private func refusal(of place: SocketPlace) -> Failure? {
        do throws(Failure) {
            _ = try SocketFile(place)
            return nil
        } catch { return error }
    }

    @Test(arguments: [0o600, 0o660, 0o666] as [UInt32]) func theSocketHasItsModeWhateverTheUmask(mode: UInt32) throws {
        let file = try SocketFile(bench.place(mode: mode))
        #expect(attributes(bench.socket)?[.type] as? FileAttributeType == .typeSocket)
        #expect(number(.posixPermissions, of: bench.socket) == Int(mode))
        #expect(number(.ownerAccountID, of: bench.socket) == Int(geteuid()))
        close(file.descriptor)
    }

    @Test(.enabled(if: geteuid() == 0, "only root gives files to any group"))
    func theSocketHasItsGroup() throws {
        let file = try SocketFile(SocketPlace(path: bench.socket, mode: 0o660, group: 54_321))
        #expect(number(.groupOwnerAccountID, of: bench.socket) == 54_321)
        close(file.descriptor)
    }

    @Test func nothingIsLeftUnderAnotherName() throws {
        let file = try SocketFile(bench.place())
        let names = try FileManager.default.contentsOfDirectory(atPath: bench.folder)
        #expect(names.sorted() == ["api.sock", "api.sock.lock"])
        file.remove()
        #expect(attributes(bench.socket) == nil)
        close(file.descriptor)
    }

    @Test func aMissingFolderIsMade() throws {
        let place = SocketPlace(path: bench.folder + "/a/b/api.sock", mode: 0o660, group: nil)
        let file = try SocketFile(place)
        #expect(attributes(place.path) != nil)
        close(file.descriptor)
    }

    @Test func aSocketThatIsServedIsRefusedByItsLock() throws {
        let first = try SocketFile(bench.place())
        let failure = refusal(of: bench.place())
        #expect(failure?.code == .settingsInvalid)
        #expect(failure?.cause.contains("another sidecar serves this socket") == true)
        close(first.descriptor)
    }

    @Test func aLiveSocketOfAnotherProgramIsRefusedAndGoesOn() async throws {
        let other = try TestServer(unixSocket: bench.socket) { _ in .json("{}") }
        let failure = refusal(of: bench.place())
        #expect(failure?.cause.contains("another program listens there") == true)
        #expect(try await bench.ask("GET", "/").status == 200)
        #expect(other.connectionCount > 0)
    }

    @Test func aStaleSocketIsReplaced() async throws {
        do {
            let first = try SocketFile(bench.place())
            close(first.descriptor)
        }
        let inode = number(.systemFileNumber, of: bench.socket)
        #expect(inode != nil, "it was left behind")
        let bench = bench
        try await bench.serving { _ in
            #expect(self.number(.systemFileNumber, of: bench.socket) != inode)
            let answer = try await bench.ask("GET", "/")
            #expect(answer.status == 200)
        }
    }

    @Test func aFileThatIsNoSocketIsLeftAlone() throws {
        try Data("mine".utf8).write(to: URL(filePath: bench.socket))
        let failure = refusal(of: bench.place())
        #expect(failure?.cause.contains("no socket stands there") == true)
        #expect(try String(contentsOfFile: bench.socket, encoding: .utf8) == "mine")
    }

    @Test func whatACrashLeftUnderTheOtherNameIsReplaced() throws {
        try Data("half".utf8).write(to: URL(filePath: bench.socket + ".new"))
        let file = try SocketFile(bench.place())
        #expect(attributes(bench.socket + ".new") == nil)
        close(file.descriptor)
    }

    @Test func anothersSocketInItsPlaceIsNotRemoved() throws {
        let file = try SocketFile(bench.place())
        unlink(bench.socket)
        try Data("another's".utf8).write(to: URL(filePath: bench.socket))
        file.remove()
        #expect(attributes(bench.socket) != nil)
        close(file.descriptor)
    }

    @Test(arguments: ["api.sock", "@abstract", "", "\0abstract"])
    func onlyPathsOfTheFileSystemAreTaken(path: String) {
        let failure = refusal(of: SocketPlace(path: path, mode: 0o660, group: nil))
        #expect(failure?.cause.contains("absolute path") == true)
    }

    @Test func aPathThatTheKernelWouldCutIsRefused() throws {
        let fits = "/tmp/" + String(repeating: "s", count: Limits.socketPathBytes - 5)
        let file = try SocketFile(SocketPlace(path: fits, mode: 0o600, group: nil))
        file.remove()
        unlink(fits + ".lock")
        close(file.descriptor)
        let failure = refusal(of: SocketPlace(path: fits + "s", mode: 0o600, group: nil))
        #expect(failure?.cause.contains("104 bytes") == true)
        #expect(failure?.cause.contains("103") == true)
    }
}
