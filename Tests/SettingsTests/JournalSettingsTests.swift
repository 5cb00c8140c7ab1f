import Events
import Settings
import Testing

/// The journal's own settings, and handlers that are the journal.
@Suite struct JournalSettingsTests {
    private func load(_ old: String, _ new: String) -> (Configuration?, [String]) {
        let (configuration, problems) = Base.load(Base.replacing(old, new))
        return (configuration, problems.filter { $0.severity == .error }.map { "\($0.path): \($0.why)" })
    }

    @Test func whatIsSaidIsTakenAndTheRestIsByDefault() throws {
        let plain = try #require(Base.load(Base.yaml).0).journal
        #expect(plain == JournalSettings())
        #expect(plain.keep == .days(30) && plain.size == nil && plain.payloads == .none && plain.key == nil)
        let (configuration, problems) = load(
            "bus:", "journal: {keep: 7d, size: 2GiB, payloads: keep, segment: 500, seal: 10s, key: /etc/k}\nbus:")
        #expect(problems == [])
        let journal = try #require(configuration).journal
        #expect(journal.keep == .days(7) && journal.size == 2 << 30 && journal.payloads == .keep)
        #expect(journal.segment == 500 && journal.seal == .seconds(10) && journal.key == "/etc/k")
    }

    @Test func changesTakeEffectByRestartAlone() throws {
        let running = try #require(Base.load(Base.yaml).0)
        var changed = try #require(load("bus:", "journal: {keep: 7d, payloads: keep}\nbus:").0)
        #expect(changed.keep(running) == ["journal.keep", "journal.payloads"])
        #expect(changed.journal == running.journal)
    }

    private static let handler = """
            plugin: /opt/outrigger/libbilling.so
            deadline: 10s
        """
    private func journaling(_ more: String = "") -> (Configuration?, [String]) {
        let text = Base.replacing(Self.handler, "    journal: {}\n" + more)
            .replacing("    publish:\n      - source: com.example.billing\n", with: "")
            .replacing("        detail-types: [Invoice.Sent.v1]\n", with: "")
            .replacing("    config:\n      currency: EUR\n", with: "")
        let (configuration, problems) = Base.load(text)
        return (configuration, problems.filter { $0.severity == .error }.map { "\($0.path): \($0.why)" })
    }

    @Test func aHandlerMayBeTheJournalAlone() throws {
        let (configuration, problems) = journaling()
        #expect(problems == [])
        #expect(configuration?.handlers.first?.kind == .journal)
    }

    @Test func whatHasNoMeaningForItIsNamed() {
        #expect(
            journaling("    sha256: \(String(repeating: "ab", count: 32))\n").1
                == ["handlers[billing].sha256: It has no meaning for a journal."])
        let both = journaling("    plugin: /opt/outrigger/libbilling.so\n").1
        #expect(both == ["handlers[billing].journal: A handler is one of these, not 2."])
    }
}
