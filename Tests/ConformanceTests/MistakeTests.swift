import Conformance
import Events
import Plugins
import Support
import Testing

/// Each mistake that an author can make, and the one rule that a person would name.
@Suite struct MistakeTests {
    private func check(
        _ library: String, config: String? = nil, environment: [String: String] = [:],
        _ change: (inout BenchSetting) -> Void = { _ in }
    ) async throws -> ConformanceReport {
        var setting = Library.setting(library)
        setting.deadline = .milliseconds(200)
        setting.configuration = config.map { Bytes($0) }
        setting.environment = environment
        change(&setting)
        return try await Check(setting, repeats: 0).run()
    }

    @Test(arguments: [
        ("nothing", "answers", "handle() returned without an answer"),
        ("late", "deadline", "it answered after the deadline"),
        ("block", "deadline", "handle.timed-out: no answer within deadline and grace"),
        ("spin", "deadline", "handle.timed-out: no answer within deadline and grace"),
        ("crash", "survives", "handle.crashed: killed by signal 11 (SIGSEGV)"),
        ("overflow", "survives", "handle.crashed: killed by signal 11 (SIGSEGV)"),
        ("throw", "survives", "handle.crashed: killed by signal 6 (SIGABRT)"),
        ("exit", "survives", "handle.crashed: exited with status 0"),
        ("overrun", "result-bounds", "its handler wrote outside of an eh_result"),
        ("scribble", "borrowed", "its handler wrote over an eh_event"),
        ("close", "channel", "socket"),
        ("frame", "channel", "handle.bad-frame"),
        ("reason", "reasons", "an answer without a code"),
        ("text", "log", "a line that is not UTF-8"),
        ("text", "limits", "eh_publish.publish answered EH_INVALID"),
        ("text", "reasons", "order"),
        ("flood", "log", "lines beyond 200 a second were dropped"),
        ("metrics", "metrics", "samples were dropped"),
        ("effects", "limits", "eh_state.put answered EH_TOO_LARGE"),
        ("draft", "publishes", "the detail of draft 0 is not JSON"),
        ("thread", "destroy", "destroy() returned before"),
        ("destroy", "destroy", "killed by signal 6 (SIGABRT)"),
        ("first", "batches", "handle() returned without an answer"),
        ("parser", "hostile-details", "handle.crashed: killed by signal 6 (SIGABRT)"),
    ]) func theRuleThatIsBrokenIsNamed(_ mistake: String, _ rule: String, _ words: String) async throws {
        let report = try await check("libfixture-careless.so", config: "{\"do\":\"\(mistake)\"}") { setting in
            if mistake == "late" { setting.grace = .seconds(2) }
        }
        let found = report.failures.filter { $0.rule.name == rule }.map(\.detail)
        #expect(found.contains { $0.contains(words) }, "\(report.failures.map { "\($0.rule.name): \($0.detail)" })")
    }

    /// Inline, whatever does not end a process: the same rule is named in the same words.
    @Test(arguments: [
        ("nothing", "answers", "handle() returned without an answer"),
        ("late", "deadline", "it answered after the deadline"),
        ("reason", "reasons", "an answer without a code"),
        ("text", "log", "a line that is not UTF-8"),
        ("text", "limits", "eh_publish.publish answered EH_INVALID"),
        ("flood", "log", "lines beyond 200 a second were dropped"),
        ("metrics", "metrics", "samples were dropped"),
        ("effects", "limits", "eh_state.put answered EH_TOO_LARGE"),
        ("draft", "publishes", "the detail of draft 0 is not JSON"),
        ("first", "batches", "handle() returned without an answer"),
    ]) func theRuleThatIsBrokenInlineIsNamed(_ mistake: String, _ rule: String, _ words: String) async throws {
        let report = try await check("libfixture-careless.so", config: "{\"do\":\"\(mistake)\"}") { setting in
            setting.isolation = .inline
            if mistake == "late" { setting.grace = .seconds(2) }
        }
        let found = report.failures.filter { $0.rule.name == rule }.map(\.detail)
        #expect(found.contains { $0.contains(words) }, "\(report.failures.map { "\($0.rule.name): \($0.detail)" })")
    }

    @Test(arguments: HandlerOptions.Isolation.allCases)
    func withoutAMistakeEveryRuleIsKept(_ isolation: HandlerOptions.Isolation) async throws {
        let report = try await check("libfixture-careless.so", config: "{}") { $0.isolation = isolation }
        #expect(report.failures.isEmpty && report.plugin?.name == "careless")
    }

    @Test func aDraftThatTheOperatorDoesNotListIsNamed() async throws {
        let listed = try await check("libfixture-careless.so", config: #"{"do":"publish"}"#)
        #expect(listed.isPassed && listed.published == [RoutePattern(source: "test.out", detailType: "Thing.Made.v1")])
        let denied = try await check("libfixture-careless.so", config: #"{"do":"publish"}"#) {
            $0.publish = [RoutePattern(source: "test.out", detailType: "Other.v1")]
        }
        #expect(denied.failures.map(\.detail) == ["test.out Thing.Made.v1 is not listed, and was denied"])
    }

    @Test func whatIsPrintedIsANote() async throws {
        let report = try await check("libfixture-careless.so", config: #"{"do":"print"}"#)
        #expect(report.isPassed && report.notes.map(\.rule.name) == ["silent"])
    }

    @Test(arguments: [
        (#"{"create":"fails"}"#, "create-given", "config.no-currency: currency is missing"),
        (#"{"create":"fails-silently"}"#, "create-given", ""),
        (#"{"create":"never"}"#, "create-given", "warming-up: ask again"),
        (#"{"create":"null"}"#, "create-given", "the worker died in create: killed by signal 11 (SIGSEGV)"),
        (#"{"do":7}"#, "create-given", "/do"),
    ]) func aCreateThatFailsIsNamed(_ config: String, _ rule: String, _ words: String) async throws {
        let report = try await check("libfixture-careless.so", config: config)
        #expect(report.failures.map(\.rule.name) == [rule])
        #expect(report.failures.first?.detail.contains(words) == true || words.isEmpty)
    }

    @Test(arguments: [
        ("plugin-size", "sizes"), ("handler-size", "sizes"), ("null-name", "texts"), ("no-handlers", "handlers"),
        ("twice", "handlers"), ("id", "ids"), ("no-routes", "routes"), ("null-handle", "functions"),
        ("threading", "threading"), ("service", "services"), ("schema", "schema"), ("null", "entry"),
        ("wild-pointer", "loads"), ("template", "state-keys"), ("pointer", "business-key"),
    ]) func aDescriptionThatIsWrongIsNamed(_ mistake: String, _ rule: String) async throws {
        let report = try await check("libfixture-mistaken.so", environment: ["MISTAKE": mistake])
        #expect(report.failures.map(\.rule.name) == [rule])
    }

    @Test func anotherMajorVersionIsNamed() async throws {
        let report = try await check("libfixture-foreign.so")
        let expected = "major version of event_handler.h: expected 1, found 2"
        #expect(report.failures.map { "\($0.rule.name): \($0.detail)" } == ["entry: \(expected)"])
    }

    @Test func aSymbolThatIsMistypedIsNamed() async throws {
        let report = try await check("libfixture-nameless.so")
        #expect(report.failures.map(\.detail) == ["no symbol eh_plugin_entry_v1, but eh_plugin_entry"])
    }
}
