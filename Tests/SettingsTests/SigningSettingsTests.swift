import Settings
import Testing

/// A key signs, or a service that has one.
struct SigningSettingsTests {
    private static let key = "  key: /etc/outrigger/signing.key\n  kid: billing-2026-01\n"

    private func load(_ signing: String) -> (Configuration?, [String]) {
        let (configuration, problems) = Base.load(Base.replacing(Self.key, signing))
        return (configuration, problems.filter { $0.severity == .error }.map(\.path))
    }

    @Test func aServiceSignsInPlaceOfAKey() {
        let (configuration, problems) = load(
            "  service: {url: \"https://signing.example.com/v1/sign\", timeout: 2s}\n")
        #expect(problems == [])
        #expect(configuration?.signing?.key == nil && configuration?.signing?.keyID == nil)
        #expect(configuration?.signing?.service?.location == "https://signing.example.com/v1/sign")
        #expect(configuration?.signing?.service?.timeout == .seconds(2))
    }

    @Test func aServiceOnASocketIsAskedForItsPath() {
        let (configuration, problems) = load("  service: {socket: /run/signing.sock}\n")
        #expect(problems == [])
        #expect(configuration?.signing?.service?.location == "unix:/run/signing.sock:/sign")
    }

    @Test(arguments: [
        ("  algorithm: ML-DSA-44\n", "signing.key"),
        ("  key: /k\n  kid: k\n  service: {socket: /s}\n", "signing.key"),
        ("  key: /k\n", "signing.kid"), ("  service: {timeout: 1s}\n", "signing.service.url"),
        ("  service: {url: \"http://signing.example.com/\"}\n", "signing.service.url"),
    ])
    func whatCannotSignIsNamed(signing: String, path: String) {
        let (configuration, problems) = load(signing)
        #expect(configuration == nil && problems == [path])
    }

    @Test func whatAServiceSignsMustBeVerifiable() {
        let text = Base.replacing(Self.key, "  service: {socket: /run/signing.sock}\n")
            .replacing("source: com.example.billing", with: "source: org.example.billing")
        let (configuration, problems) = Base.load(text)
        #expect(configuration == nil)
        #expect(problems.contains { $0.path == "signing.service" && $0.why.contains("never sent") })
    }

    @Test func aServiceLeavesHeadsOfTheJournalUnsignedUnlessTheJournalHasAKey() {
        let service = "  service: {socket: /run/signing.sock}\n"
        func warnings(_ signing: String, _ more: String = "") -> [String] {
            Base.load(Base.replacing(Self.key, signing) + more).1.filter { $0.severity == .warning }.map(\.path)
        }
        #expect(warnings(service) == ["journal.key"])
        #expect(warnings(service, "journal: {key: /etc/outrigger/journal.key}\n") == [])
        #expect(warnings(Self.key) == [])
    }

    @Test func aDirectoryOfSchemasIsAPathLikeOthers() {
        #expect(Base.load(Base.yaml).0?.schemas == nil)
        #expect(Base.load(Base.yaml + "schemas: /etc/outrigger/schemas\n").0?.schemas == "/etc/outrigger/schemas")
        #expect(Base.load(Base.yaml + "schemas: none\n").0?.schemas == nil)
    }
}
