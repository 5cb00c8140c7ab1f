import Foundation
import Support
import Testing

@Suite struct SandboxTests {
    @Test func theEnvironmentIsWhatIsConfigured() async throws {
        // MISTAKE is read by this plugin alone, which would be none if it found it.
        setenv("MISTAKE", "null", 1)
        defer { unsetenv("MISTAKE") }
        try await TestHost.with("mistaken", of: "mistaken") { test, _ in #expect(test.recorder.ends.isEmpty) }
    }
}
