import Events
import Settings
import Testing

/// A handler in the sidecar: what it needs beside it, and what it cannot have.
@Suite struct InlineSettingsTests {
    private static let pin = String(repeating: "ab", count: 32)
    private static let good = "isolation: inline\n    trusted: true\n    sha256: \(pin)"

    private func load(_ lines: String) -> (Configuration?, [Problem]) {
        Base.load(Base.replacing("deadline: 10s", "deadline: 10s\n    \(lines)"))
    }

    @Test func whatIsTrustedAndPinnedIsTakenWithAWarning() throws {
        let (configuration, problems) = load(Self.good)
        #expect(CallSettingsTests.errors(problems) == [])
        #expect(configuration?.handlers[0].isolation == .inline)
        #expect(configuration?.resolved.contains("isolation: inline") == true)
        let warning = try #require(problems.first { $0.severity == .warning && $0.path.hasSuffix(".isolation") })
        #expect(warning.path == "handlers[billing].isolation" && warning.why.contains("Its crash is the sidecar's"))
    }

    @Test(arguments: [
        ("isolation: inline\n    sha256: \(pin)", "trusted"), ("isolation: inline\n    trusted: true", "sha256"),
        ("isolation: inline\n    trusted: false\n    sha256: \(pin)", "trusted"),
        (good + "\n    workers: 2", "workers"), (good + "\n    memory-soft: 64MiB", "memory-soft"),
        (good + "\n    readable: [/etc/orders]", "readable"), (good + "\n    environment: {A: b}", "environment"),
        (good + "\n    trial: {kind: shadow, plugin: /opt/outrigger/two.so}", "trial.sha256"),
    ])
    func whatIsMissingOrCannotBeHadIsNamed(_ lines: String, _ key: String) {
        let (_, problems) = load(lines)
        #expect(problems.filter { $0.severity == .error }.map(\.path) == ["handlers[billing].\(key)"])
    }

    @Test func aPlainFunctionRunsInAWorker() {
        let (_, problems) = CallSettingsTests.load(("deadline: 10s", "deadline: 10s\n    " + Self.good))
        #expect(problems.filter { $0.severity == .error }.map(\.path) == ["handlers[billing].isolation"])
    }

    @Test func trustWithoutIsolationIsIdle() {
        let (_, problems) = load("trusted: true")
        #expect(problems.contains { $0.severity == .note && $0.path == "handlers[billing].trusted" })
    }
}
