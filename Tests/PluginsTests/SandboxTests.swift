import Foundation
import Support
import Testing

@Suite struct SandboxTests {
    @Test func theEnvironmentIsWhatIsConfigured() async throws {
        // HOSTILE_LOAD is set for nobody else, so a plugin that finds it would abort.
        setenv("HOSTILE_LOAD", "abort", 1)
        defer { unsetenv("HOSTILE_LOAD") }
        try await TestHost.with("hostile", of: "hostile") { test, _ in
            try await test.expect("hostile", do: "done", "done")
        }
    }
}
