import Foundation
@testable import Plugins
import Support
import Testing

/// Where the kernel tells of nothing - no descriptor to be had, a file system without events - rounds go on.
@Suite struct PollingTests {
    @Test func withoutNotificationsRoundsComeByThemselves() async throws {
        let folder = try TemporaryFolder()
        let watch = FileWatch(
            notifications: -1, round: .milliseconds(20), quiet: .milliseconds(5), longest: .milliseconds(50))
        watch.watch([folder.file("config"), folder.file("plugin.so")])
        watch.start()
        try "text".write(toFile: folder.file("config"), atomically: false, encoding: .utf8)
        var wakes: [FileWatch.Wake] = []
        for await wake in watch.wakes {
            wakes.append(wake)
            watch.watch([folder.file("config")])
            if wakes.count == 3 { break }
        }
        #expect(wakes == [.round, .round, .round])
        watch.stop()
        for await _ in watch.wakes {}
    }
}
