import Events
import Pipeline
@testable import Plugins
import Testing

/// A configuration is held against its plugin's schema before the handler sees it.
@Suite struct SchemaTests {
    static func refusal(_ configuration: String, schema: String? = nil) async throws -> (Failure?, [String]) {
        var options = TestHost.options("ruled", of: "ruled")
        options.configuration = Bytes(configuration)
        if let schema { options.environment = ["SCHEMA": schema] }
        let test = try TestHost()
        let failure = await test.refusal(options)
        await test.host.stop(within: .seconds(5))
        return (failure, test.recorder.output)
    }

    @Test func aConfigurationThatHoldsIsTaken() async throws {
        let (failure, output) = try await Self.refusal(#"{"currency":"EUR","limits":[1,2]}"#)
        #expect(failure == nil && output == ["create was called"])
    }

    @Test(arguments: [
        ("{}", "Missing required property 'currency'."),
        (#"{"currency":"euro-secret"}"#, "/currency: Failed to match regex specified by 'pattern' constraint."),
        (
            #"{"currency":"EUR","limits":[1,0]}"#,
            "/limits/1: Expected number greater than or equal to 1.000000"
        ),
        (#"{"currency":"EUR","limits":"secret"}"#, "/limits: Value type not permitted by 'type' constraint."),
    ])
    func oneThatDoesNotIsNamedBeforeCreate(_ configuration: String, _ words: String) async throws {
        let (failure, output) = try await Self.refusal(configuration)
        #expect(failure == Failure(.pluginConfigInvalid, "ruled", words))
        #expect(output == [])
    }

    @Test(arguments: [
        ("{", "ends too early at byte 1"), (#"{"type":"text"}"#, "/type: it must be one or more of"),
        (#"{"$ref":"https://example.com/s.json"}"#, "/$ref: only references within the schema are followed"),
        (##"{"allOf":[{"$ref":"#"}]}"##, "/allOf/0/$ref: it refers to itself"),
    ] as [(String, String)])
    func aSchemaThatIsNoneRefusesThePlugin(_ schema: String, _ words: String) async throws {
        let (failure, output) = try await Self.refusal(#"{"currency":"EUR"}"#, schema: schema)
        #expect(failure?.code == .pluginSchemaInvalid && failure?.subject == "ruled")
        #expect(failure?.cause.hasPrefix(words) == true, "\(failure?.cause ?? "")")
        #expect(output == [])
    }
}
