import Foundation
import Support
import Testing

@Suite struct SandboxTests {
    @Test func theEnvironmentIsWhatIsConfigured() async {
        // MISTAKE is read by this plugin alone, which would be none if it found it. In a process of its own: others
        // read the environment of this one.
        await #expect(processExitsWith: .success) {
            setenv("MISTAKE", "null", 1)
            try await TestHost.with("mistaken", of: "mistaken") { test, _ in #expect(test.recorder.ends.isEmpty) }
        }
    }
}
