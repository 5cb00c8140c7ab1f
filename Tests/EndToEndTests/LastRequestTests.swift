import Events
import Foundation
import JSON
import LocalCloud
import Support
import Testing

/// A publish that is under way when the sidecar is told to stop: taken, answered, and sent before it ends.
@Suite(.serialized) struct LastRequestTests {
    @Test func whatIsBeingHandedInWhenTheStopBeginsReachesTheBusBeforeItsEnd() async throws {
        try await House.inLocalCloud { house, cloud in
            let sidecar = try house.start(try house.write(cloud, more: ServiceCaller.settings(house)))
            #expect(await sidecar.isReady())
            let (said, answer) = (house.folder.file("said"), house.folder.file("answer"))
            let body = Pipe()
            let curl = Process()
            curl.executableURL = URL(filePath: "/bin/sh")
            curl.arguments = [
                "-c",
                """
                exec curl -sv -X POST -T - -H 'Expect: 100-continue' -H 'Content-Type: application/json' -m 60 \
                    --unix-socket '\(house.folder.file("api.sock"))' http://localhost/v1/events \
                    >'\(answer)' 2>'\(said)'
                """,
            ]
            curl.standardInput = body
            try curl.run()
            try body.fileHandleForWriting.write(contentsOf: Data(#"{"source":"test.out","detailType":"Done.v1","#.utf8))
            let isHeard = await eventually {
                (try? String(contentsOfFile: said, encoding: .utf8))?.contains("100 Continue") == true
            }
            #expect(isHeard)
            sidecar.signal(SIGTERM)
            #expect(await eventually { sidecar.lines.contains("queue drained") }, "\(sidecar.lines.suffix(2000))")
            #expect(sidecar.isRunning)
            try body.fileHandleForWriting.write(contentsOf: Data(#""resource":"","detailCore":{"n":1}}"#.utf8))
            try body.fileHandleForWriting.close()
            curl.waitUntilExit()
            #expect(curl.terminationStatus == 0)
            let taken = try JSONValue.parse(try String(contentsOfFile: answer, encoding: .utf8))
            let id = try #require(taken["events"]?[0]?["id"]?.string)
            #expect(sidecar.end() == 0)
            #expect(cloud.publishedIDs == [id])
        }
    }
}
