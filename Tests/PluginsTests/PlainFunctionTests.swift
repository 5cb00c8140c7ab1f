import Events
import Foundation
import JSON
import Pipeline
@testable import Plugins
import Support
import Testing

/// Functions of a library that knows nothing of us, called with what a payload holds.
@Suite struct PlainFunctionTests {
    /// The configuration that the settings make of `call:`.
    struct Call {
        var symbol: String
        var result = "i32"
        var parameters: [(type: String, from: String)] = []
        var outcomes: [String: String] = ["0": "done"]
        var otherwise = "retry"

        var configuration: Bytes {
            let value: JSONValue = [
                "symbol": .string(symbol), "result": .string(result),
                "parameters": .array(parameters.map { ["type": .string($0.type), "from": .string($0.from)] }),
                "outcomes": .object(outcomes.map { JSONMember($0.key, .string($0.value)) }),
                "otherwise": .string(otherwise),
            ]
            return value.serialised()[...]
        }
    }

    static func options(_ call: Call) -> HandlerOptions {
        var options = TestHost.options("fees", of: "plain")
        options.carrier = "\(Fixtures.products)/liboutrigger-call.so"
        options.configuration = call.configuration
        options.routes = [RoutePattern(source: "test.in", detailType: "Thing.Asked.v1")]
        return options
    }

    /// Runs one event for each payload.
    static func outcomes(_ call: Call, _ details: [String]) async throws -> [Outcome] {
        let options = options(call)
        var outcomes: [Outcome] = []
        try await TestHost.with("fees", of: "plain", { $0 = options }) { test, _ in
            for detail in details { outcomes += try await test.run("fees", [detail]) }
        }
        return outcomes
    }

    struct Values: Sendable, CustomTestStringConvertible {
        let type: String
        /// JSON, and what C prints of it.
        let good: [(String, String)]
        let bad: [String]
        var testDescription: String { type }
    }

    static let never = [#"null"#, #""1""#, "{}", "[1]"]
    static let values: [Values] = [
        Values(type: "i8", good: [("-128", "-128"), ("127", "127"), ("1e2", "100")], bad: ["-129", "128", "1.5"]),
        Values(type: "i16", good: [("-32768", "-32768"), ("32767", "32767")], bad: ["-32769", "32768", "0.1"]),
        Values(
            type: "i32", good: [("-2147483648", "-2147483648"), ("2147483647", "2147483647"), ("7.0", "7")],
            bad: ["-2147483649", "2147483648", "1e-1", "1e10"]),
        Values(
            type: "i64",
            good: [
                ("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807"),
                ("9007199254740993", "9007199254740993"), ("9007199254740993.0", "9007199254740993"),
            ], bad: ["-9223372036854775809", "9223372036854775808", "4503599627370497.5", "1e19", "1e400"]),
        Values(type: "u8", good: [("0", "0"), ("255", "255"), ("-0", "0")], bad: ["-1", "256", "0.5"]),
        Values(type: "u16", good: [("65535", "65535")], bad: ["-1", "65536"]),
        Values(type: "u32", good: [("4294967295", "4294967295")], bad: ["-1", "4294967296"]),
        Values(
            type: "u64", good: [("18446744073709551615", "18446744073709551615"), ("1E3", "1000")],
            bad: ["-1", "18446744073709551616", "1e20"]),
        Values(
            type: "f32", good: [("0.5", "0.5"), ("16777216", "16777216"), ("-0.0", "-0"), ("0", "0")],
            bad: ["16777217", "1e39", "1e-60"]),
        Values(
            type: "f64",
            good: [
                ("0.1", "0.10000000000000001"), ("9007199254740992", "9007199254740992"),
                ("1e300", "1.0000000000000001e+300"),
            ],
            bad: ["9007199254740993", "1e400", "1e-400"]),
        Values(type: "bool", good: [("true", "1"), ("false", "0")], bad: ["0", "1"]),
        Values(
            type: "cstr", good: [(#""""#, ""), (#""käse""#, "käse"), (#""a\nb""#, "a\nb")],
            bad: ["1", #""a\u0000b""#, "true"]),
        Values(type: "bytes", good: [(#""""#, ""), (#""日本""#, "日本")], bad: ["1", "false"]),
    ]

    @Test(arguments: values)
    func aValueArrivesExactlyOrNotAtAll(_ values: Values) async throws {
        let call = Call(
            symbol: "plain_\(values.type)", parameters: [(values.type, "/value"), ("cstr", "/expected")])
        let good = values.good.map { value, text in
            #"{"value":\#(value),"expected":\#(String(decoding: JSONValue.string(text).serialised(), as: UTF8.self))}"#
        }
        let isText = ["cstr", "bytes"].contains(values.type)
        let never = Self.never.filter { !(isText && $0 == #""1""#) }
        let bad = (values.bad + never).map { #"{"value":\#($0),"expected":""}"# }
        let outcomes = try await Self.outcomes(call, good + bad + [#"{"expected":""}"#])
        for (detail, outcome) in zip(good, outcomes) { #expect(outcome.word == "done", "\(detail)") }
        for (detail, outcome) in zip(bad + ["missing"], outcomes.dropFirst(good.count)) {
            guard case .reject(let reason) = outcome else {
                Issue.record("\(detail): \(outcome.word)")
                continue
            }
            #expect(reason.code == "call.argument")
            #expect(reason.detail.hasPrefix("/value: expected \(values.type)"), "\(reason.detail)")
        }
    }

    @Test func argumentsKeepTheirOrderAndTheirTypes() async throws {
        let types = [
            "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f64", "f32", "f64", "f32", "i64", "i64", "i64",
            "i64",
        ]
        let call = Call(
            symbol: "plain_sixteen", parameters: types.enumerated().map { ($0.element, "/\($0.offset)") })
        let outcomes = try await Self.outcomes(call, ["[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"])
        #expect(outcomes.map(\.word) == ["done"])
    }

    @Test func fieldsOfTheEventAreArguments() async throws {
        let call = Call(
            symbol: "plain_fields",
            parameters: [
                ("cstr", "$id"), ("cstr", "$source"), ("cstr", "$detail-type"), ("cstr", "$resource"),
                ("i64", "$attempt"), ("u64", "$time"), ("bytes", "$detail"),
            ])
        #expect(try await Self.outcomes(call, [#"{"a":1}"#]).map(\.word) == ["done"])
    }

    @Test(arguments: [
        ("i8", "-1", "-1"), ("i16", "-300", "-300"), ("i32", "-70000", "-70000"), ("u8", "200", "200"),
        ("i64", "-9223372036854775808", "-9223372036854775808"), ("u16", "40000", "40000"),
        ("u32", "3000000000", "3000000000"), ("u64", "-1", "18446744073709551615"), ("bool", "7", "true"),
        ("bool", "0", "false"),
    ])
    func theTableDecidesWhatAResultMeans(_ type: String, _ given: String, _ returned: String) async throws {
        var call = Call(symbol: "plain_return_\(type)", result: type, parameters: [("i64", "/v")])
        call.outcomes = [returned: "wait"]
        call.otherwise = "reject"
        let outcomes = try await Self.outcomes(call, [#"{"v":\#(given)}"#, #"{"v":\#(given == "0" ? 1 : 0)}"#])
        #expect(outcomes.map(\.word) == ["wait 0 call.returned", "reject call.returned"])
        guard case .wait(_, let reason) = outcomes[0] else { return }
        #expect(reason.detail == "plain_return_\(type) returned \(returned)")
    }

    @Test func whatTheTableDoesNotListIsTriedAgain() async throws {
        let call = Call(symbol: "plain_return_i32", parameters: [("i64", "/v")])
        let words = try await Self.outcomes(call, [#"{"v":0}"#, #"{"v":3}"#]).map(\.word)
        #expect(words == ["done", "retry 0 call.returned"])
    }

    @Test func aFunctionThatReturnsNothingIsDone() async throws {
        let call = Call(symbol: "plain_return_void", result: "void", parameters: [("i64", "/v")])
        #expect(try await Self.outcomes(call, [#"{"v":3}"#]).map(\.word) == ["done"])
    }

    @Test(arguments: [HandlerOptions.Sandbox.required, .strict])
    func itRunsInTheSandbox(_ sandbox: HandlerOptions.Sandbox) async throws {
        guard sandbox != .strict || Namespaces.areAllowed else { return }
        var options = Self.options(Call(symbol: "plain_escape"))
        options.sandbox = sandbox
        try await TestHost.with("fees", of: "plain", bounds: IsolationScene.bounds, { $0 = options }) { test, _ in
            let words = try await test.run("fees", ["{}"]).map(\.word)
            #expect(words == ["done"])
        }
    }

    @Test func aCrashInItIsBlamedAsAnyHandlers() async throws {
        let call = Call(symbol: "plain_crash", parameters: [("cstr", "$id")])
        let options = Self.options(call)
        try await TestHost.with("fees", of: "plain", { $0 = options }) { test, _ in
            let together = try await test.run("fees", ["{}", "{}"]).map(\.word)
            #expect(together == ["suspect", "unanswered"])
            let alone = try await test.run("fees", ["{}"], alone: true).map(\.word)
            #expect(alone == ["struck handle.crashed"])
        }
    }

    @Test func aSymbolThatIsMissingRefusesTheGeneration() async throws {
        let failure = try await TestHost().refusal(Self.options(Call(symbol: "plain_missing")))
        #expect(failure == Failure(.pluginRefused, "fees", "call.symbol: no symbol plain_missing"))
    }

    @Test func aFileThatIsNoLibraryRefusesTheGeneration() async throws {
        let test = try TestHost()
        var options = Self.options(Call(symbol: "plain_i8"))
        options.plugin = test.folder.file("text.so")
        try Data("no library".utf8).write(to: URL(filePath: options.plugin))
        let failure = await test.refusal(options)
        #expect(failure?.code == .pluginRefused && failure?.cause.hasPrefix("call.library: ") == true)
    }

    @Test func thePinIsTheLibrarys() async throws {
        var options = Self.options(Call(symbol: "plain_i8"))
        options.pin = Digest(high: (0, 0), low: (0, 0))
        let failure = try await TestHost().refusal(options)
        #expect(failure?.code == .pluginPin && failure?.subject == options.plugin)
    }
}
