import Events
import LocalCloud
import Support
import Testing

/// A handler that dies, hangs or eats memory costs its own event three strikes, and nobody else anything.
@Suite(.serialized, .timeLimit(.minutes(5))) struct IsolationTests {
    @Test(arguments: ["kill", "abort", "loop", "allocate"])
    func thePoisonIsFoundAndItsNeighboursAreDone(how: String) async throws {
        try await House.inLocalCloud { house, cloud in
            var details = try (0..<30).map { try house.detail("{\"do\":\"spread\",\"n\":\($0)}", id: "good-\($0)") }
            details.insert(try house.detail("{\"do\":\"\(how)\"}", id: "poison"), at: 5)
            try house.put(details, to: cloud)
            let path = try house.write(cloud, handler: "deadline: 300ms\n    grace: 200ms\n    memory: 64MiB")
            let sidecar = try house.start(path)
            let ended = await eventually(within: .seconds(90)) {
                cloud.isEmpty("main") && cloud.peek("main-dlq").count == 1
            }
            #expect(ended, "left: \(String(describing: cloud.statistics.queue("main")))\n\(sidecar.lines.suffix(3000))")
            let letter = cloud.letters("main-dlq").first
            #expect(letter?.code == "handle.crashed")
            #expect(letter?.text.contains("\"poison\"") == true)
            #expect(letter?.text.contains("\"strikes\":3") == true)
            #expect(letter?.text.contains("\"attempts\":0") == true)
            #expect(sidecar.isRunning)
            #expect(sidecar.stop() == 0)
        }
    }
}
