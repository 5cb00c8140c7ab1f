import Conformance
import Events
import JSON
import Plugins
import Support
import Testing

/// Inspecting, running one event, and fuzzing.
@Suite struct AuthorToolTests {
    @Test func aPluginIsInspected() async throws {
        let inspection = try await Inspection(Library.setting("libfixture-obedient.so"))
        #expect(inspection.plugin.version == "1.2.3" && inspection.words.contains("handler keyed"))
        #expect(inspection.json["handlers"]?[2]?["businessKey"]?[0] == "/order/id")
        #expect(inspection.json["exports"] == ["eh_plugin_entry_v1"])
    }

    @Test func oneEventShowsAllThatItDid() async throws {
        let event = #"{"source":"test.in","detail-type":"Thing.Asked.v1","detail":{"do":"count"}}"#
        let single = try await SingleRun(
            Library.setting("libfixture-obedient.so"), only: HandlerID("obedient"), file: ("-", Array(event.utf8)),
            state: ["counter": Bytes("41")])
        #expect(single.isDone && single.words.contains("write     counter = 42, for 60000 ms"))
        #expect(single.words.contains("read      counter = 41"))
    }

    @Test(arguments: [
        (
            "event.json", #"{"id":"E-9","source":"a","detail-type":"B.v1","detail":{"detailCore":{"n":1}}}"#,
            "E-9 a B.v1"
        ),
        ("event.json", #"{"source":"a","detail-type":"B.v1","detail":{"n":1}}"#, "sample-1 a B.v1"),
        ("events/Thing.Asked.v1.json", #"{"n":1}"#, "sample-1 test.in Thing.Asked.v1"),
    ]) func anEventHasThreeForms(_ name: String, _ text: String, _ expected: String) async throws {
        let plugin = try await Inspection(Library.setting("libfixture-careless.so")).plugin
        let event = try SampleEvent(parsing: Array(text.utf8), name: name, for: plugin.handlers[0])
        #expect("\(event.id) \(event.source) \(event.detailType)" == expected)
        #expect(event.detail == Bytes(#"{"n":1}"#))
    }

    @Test func anEventThatNobodyTakesIsNamed() async throws {
        let event = #"{"source":"else","detail-type":"Other.v1","detail":{}}"#
        await #expect(throws: Failure.self) {
            try await SingleRun(
                Library.setting("libfixture-careless.so"), only: nil, file: ("-", Array(event.utf8)), state: [:])
        }
    }

    @Test func theSameSeedFindsTheSameEventAndCutsItDown() async throws {
        let event = #"{"source":"test.in","detail-type":"Thing.Asked.v1","detail":{"thing":{"id":"T-1"},"note":"n"}}"#
        var setting = Library.setting("libfixture-careless.so")
        setting.configuration = Bytes(#"{"do":"parser"}"#)
        let fuzz = Fuzz(setting, files: [("event.json", Array(event.utf8))], seed: 3)
        let finding = try #require(try await fuzz.run(for: .minutes(10), events: 600).finding)
        #expect(finding.rule == .all.first { $0.name == "survives" } && finding.isAlone)
        #expect(finding.event.detail == Bytes(#"{"thing":{"id":[]}}"#))
        let again = try await fuzz.run(for: .minutes(10), events: 600).finding
        #expect(again?.number == finding.number && again?.event.detail == finding.event.detail)
    }

    @Test func whatKeepsTheRulesSurvivesTheFuzzer() async throws {
        let report = try await Fuzz(Library.setting("libhello-c.so"), seed: 1).run(for: .minutes(10), events: 300)
        #expect(report.events == 300 && report.finding == nil)
    }
}
