import Foundation
import JSON
import Support
import Testing

/// `outrigger status` and `reload` against a sidecar that runs, and what they say where there is none.
@Suite(.timeLimit(.minutes(5))) struct SocketCommandTests {
    private static let program = Fixtures.products + "/outrigger"

    @Test func anOperatorSeesAndReloadsTheSidecar() async throws {
        try await House.inLocalCloud { house, cloud in
            let (service, admin) = (house.folder.file("s.sock"), house.folder.file("a.sock"))
            let api = "api: {socket: \(service), admin-socket: \(admin)}"
            let configuration = try house.write(cloud, more: api)
            let sidecar = try house.start(configuration)
            #expect(await sidecar.isReady())
            #expect(await eventually { FileManager.default.fileExists(atPath: admin) })
            func ask(_ words: String) throws -> (status: Int32, output: String) {
                try Shell.run("\(Self.program) \(words) --config \(configuration)")
            }

            let page = try ask("status")
            #expect(page.status == 0)
            for word in ["generation", "QUEUE", "main", "receiving", "counting", "outbox"] {
                #expect(page.output.contains(word), "\(page.output)")
            }
            let before = try JSONValue.parse(try ask("status --json").output)
            #expect(before["generation"]?["number"]?.int == 1)
            let digest = try #require(before["generation"]?["digest"]?.string)

            let unchanged = try ask("reload --if-match \(digest)")
            #expect(unchanged.output.hasPrefix("Nothing has changed: digest \(digest)"))

            // The file's watcher may be first; then there is nothing left to change for who asks.
            _ = try house.write(cloud, handler: "deadline: 6s", more: api)
            #expect(try ask("reload").status == 0)
            let after = try JSONValue.parse(try ask("status --json").output)
            #expect(after["generation"]?["number"]?.int == 2)
            let late = try ask("reload --if-match \(digest)")
            #expect(late.status != 0)
            #expect(late.output.contains("settings.not-current"))

            // Its sockets are found in a file that is refused, too.
            _ = try house.write(cloud, handler: "deadline: never\n    worker: 3", more: api)
            let refused = try ask("reload")
            #expect(refused.status != 0)
            for word in ["handlers[counting].deadline", "no setting \"worker\"", "settings.invalid"] {
                #expect(refused.output.contains(word), "\(refused.output)")
            }

            let wrong = try ask("status --socket \(service)")
            #expect(wrong.output.contains("'operate' is for the admin socket"))
            #expect(sidecar.stop() == 0)
            #expect(!FileManager.default.fileExists(atPath: admin))
            #expect(!FileManager.default.fileExists(atPath: service))
        }
    }

    @Test func withoutASidecarItIsSaidWhatToDo() throws {
        let folder = try TemporaryFolder()
        func status(_ path: String, _ become: String = "") throws -> String {
            let answer = try Shell.run("OUTRIGGER_SOCKET=\(path) \(become) \(Self.program) status")
            #expect(answer.status != 0)
            return answer.output
        }
        #expect(try status(folder.file("none.sock")).contains("there is no socket at"))
        try Data().write(to: URL(filePath: folder.file("file")))
        #expect(try status(folder.file("file")).contains("is no socket"))
        let left = folder.file("left.sock")
        _ = try Shell.run("python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"\(left)\")'")
        #expect(try status(left).contains("nobody answers at"))
    }
}
