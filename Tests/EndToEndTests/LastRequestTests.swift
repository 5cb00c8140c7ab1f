import Events
import Foundation
import JSON
import LocalCloud
import Support
import Testing

/// A publish that is under way when the sidecar is told to stop: taken, answered, and sent before it ends.
@Suite(.serialized, .timeLimit(.minutes(5))) struct LastRequestTests {
    @Test func whatIsBeingHandedInWhenTheStopBeginsReachesTheBusBeforeItsEnd() async throws {
        try await House.inLocalCloud { house, cloud in
            let sidecar = try house.start(try house.write(cloud, more: ServiceCaller.settings(house)))
            #expect(await sidecar.isReady())
            let (said, answer) = (house.folder.file("said"), house.folder.file("answer"))
            let curl = try ChildProcess(
                [
                    "curl", "-sv", "-X", "POST", "-T", "-", "-H", "Expect: 100-continue", "-H",
                    "Content-Type: application/json", "-m", "60", "--unix-socket", house.folder.file("api.sock"),
                    "http://localhost/v1/events",
                ], input: .pipe, output: .file(answer), errors: .file(said))
            try curl.input?.write(#"{"source":"test.out","detailType":"Done.v1","#)
            let isHeard = await eventually {
                (try? String(contentsOfFile: said, encoding: .utf8))?.contains("100 Continue") == true
            }
            #expect(isHeard)
            sidecar.signal(SIGTERM)
            #expect(await eventually { sidecar.lines.contains("queue drained") }, "\(sidecar.lines.suffix(2000))")
            #expect(sidecar.isRunning)
            try curl.input?.write(#""resource":"","detailCore":{"n":1}}"#)
            curl.input?.close()
            #expect(curl.end(within: .seconds(90)) == .exit(0))
            let taken = try JSONValue.parse(try String(contentsOfFile: answer, encoding: .utf8))
            let id = try #require(taken["events"]?[0]?["id"]?.string)
            #expect(sidecar.end() == 0)
            #expect(cloud.publishedIDs == [id])
        }
    }
}
