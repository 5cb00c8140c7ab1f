import Cryptography
import Events
import Foundation
import LocalCloud
import Support
import Testing

/// A handler in the sidecar itself, and what that costs: the real executable, restarted as a supervisor would.
@Suite(.serialized, .timeLimit(.minutes(5))) struct InlineTests {
    private static func handler(_ more: String = "deadline: 5s") throws -> String {
        let plugin = try Data(contentsOf: URL(filePath: Fixtures.products + "/libfixture-counting.so"))
        let pin = Hash.sha256([UInt8](plugin)).hexadecimal
        return "isolation: inline\n    trusted: true\n    sha256: \(pin)\n    \(more)"
    }

    private static func isEnded(_ sidecar: SidecarProcess) async -> Bool { await eventually { !sidecar.isRunning } }

    @Test func whatIsInForceIsToldAndEventsAreDone() async throws {
        try await House.inLocalCloud { house, cloud in
            let sidecar = try house.start(try house.write(cloud, handler: try Self.handler()))
            try house.put(try house.payments(0..<50), to: cloud)
            let isDone = await eventually { cloud.publishedIDs.count == 50 && cloud.isEmpty("main") }
            #expect(isDone, "\(sidecar.lines.suffix(2000))")
            #expect(sidecar.lines.contains("handler runs inline: no sandbox, no limits"))
            #expect(await sidecar.metric("outrigger_isolation", "isolation=\"inline\"") == 1)
            #expect(await sidecar.metric("outrigger_isolation", "isolation=\"worker\"") == 0)
            #expect(try Footprint(of: sidecar.id).children == 0)
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func withoutItsPinItIsRefusedByItsFile() async throws {
        try await House.inLocalCloud { house, cloud in
            let path = try house.write(cloud, handler: "isolation: inline\n    trusted: true")
            let sidecar = try house.start(path)
            #expect(await Self.isEnded(sidecar))
            #expect(sidecar.lines.contains("handlers[counting].sha256"), "\(sidecar.lines)")
        }
    }

    /// In company, then alone, then with a strike at each return, until the third. The others are done once each.
    @Test func whatCrashesTheSidecarThreeTimesAloneIsDeadLetteredAndNothingElseIs() async throws {
        try await House.inLocalCloud(visibility: 2) { house, cloud in
            let path = try house.write(cloud, handler: try Self.handler())
            try house.put([try house.detail(#"{"do":"abort"}"#, id: "poison")], to: cloud)
            try house.put(try house.payments(0..<20), to: cloud)
            var deaths = 0
            for _ in 0..<8 {
                let sidecar = try house.start(path)
                let isOver = await eventually {
                    !sidecar.isRunning || (cloud.publishedIDs.count == 20 && cloud.isEmpty("main"))
                }
                #expect(isOver)
                guard sidecar.isRunning else {
                    deaths += 1
                    continue
                }
                #expect(sidecar.stop() == 0)
                break
            }
            #expect(deaths == 4, "once in company, three times alone")
            #expect(cloud.letters("main-dlq").map(\.code) == ["handle.crashed"])
            #expect(cloud.letters("main-dlq").first?.text.contains("poison") == true)
        }
    }

    @Test func oneThatDoesNotReturnAsksForARestartAndDoesNotHoldIt() async throws {
        try await House.inLocalCloud { house, cloud in
            let settings = try Self.handler("deadline: 300ms\n    grace: 300ms")
            let path = try house.write(cloud, handler: settings)
            let sidecar = try house.start(path)
            #expect(await sidecar.isReady())
            #expect(await sidecar.get("/healthz")?.status == 200)
            try house.put([try house.detail(#"{"do":"loop"}"#, id: "endless")], to: cloud)
            #expect(await eventually { await sidecar.get("/healthz")?.status == 503 })
            #expect(sidecar.lines.contains("handle.stuck"), "\(sidecar.lines.suffix(2000))")
            #expect(await sidecar.metric("outrigger_handler_stuck") == 1)
            #expect(await sidecar.get("/readyz")?.text.contains("handle.stuck") == true)
            #expect(cloud.peek("main-dlq").isEmpty)
            #expect(sidecar.stop() == 0, "what does not return ends with the process")
        }
    }
}
