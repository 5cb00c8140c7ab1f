import Foundation
import Support
import Testing

/// A stream is no part of a generation: it outlives reloads, and holds none up.
@Suite(.serialized, .timeLimit(.minutes(5))) struct StreamReloadTests {
    @Test func anOpenStreamHoldsUpNoReloadAndHearsWhatComesAfterIt() async throws {
        try await House.inLocalCloud { house, cloud in
            let path = try house.write(cloud, more: ServiceCaller.settings(house))
            let sidecar = try house.start(path)
            #expect(await sidecar.isReady())
            let caller = ServiceCaller(house)
            let output = house.folder.file("stream")
            let curl = try ChildProcess([
                "curl", "-sS", "-N", "-o", output, "--unix-socket", caller.socket, "http://localhost/v1/events/stream",
            ])
            defer { curl.kill() }
            let heard = { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }
            #expect(await eventually { heard().contains("retry:") })
            for generation in 2...4 {
                _ = try house.write(
                    cloud, handler: "deadline: \(4 + generation)s", more: ServiceCaller.settings(house))
                #expect(await sidecar.serves(generation), "\(sidecar.lines.suffix(2000))")
            }
            #expect(await eventually { await sidecar.metric("outrigger_generations_alive") == 1 })
            let id = try #require(await caller.publish(1))
            #expect(await eventually { heard().contains(id) })
            #expect(sidecar.stop() == 0)
        }
    }
}
