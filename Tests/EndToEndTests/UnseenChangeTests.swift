import Foundation
import Support
import Testing

/// A change that the kernel tells nobody of is seen by a round of looking, within half a minute.
@Suite(.serialized, .timeLimit(.minutes(5))) struct UnseenChangeTests {
    /// In a user namespace that may have no inotify at all.
    private static let withoutNotifications = [
        "unshare", "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"", "sh",
    ]

    @Test func aChangedPluginAndConfigurationServeWithoutNotifications() async throws {
        try await ReloadHouse.inLocalCloud { house in
            for handler in ReloadHouse.handlers { try house.install(handler, 0) }
            let sidecar = try house.house.start(try house.configure(), launcher: Self.withoutNotifications)
            #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(3000))")
            #expect(await sidecar.metric("outrigger_generation") == 1)
            // Both at once: one round sees both.
            try house.configure { $0.replacing("deadline: 5s", with: "deadline: 6s") }
            try house.install("counting", 1)
            #expect(await sidecar.serves(2), "\(sidecar.lines.suffix(3000))")
            #expect(try await house.works(1))
            #expect(sidecar.stop() == 0)
        }
    }
}
