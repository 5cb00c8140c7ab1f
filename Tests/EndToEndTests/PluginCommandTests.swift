import Foundation
import Support
import Testing

/// What an operator does about plugins: sign them, and check that they take their configuration.
@Suite(.timeLimit(.minutes(5))) struct PluginCommandTests {
    private let program = Fixtures.products + "/outrigger"
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func check(_ handler: String, _ plugins: String = "") throws -> (status: Int32, output: String) {
        let yaml = """
            queues:
              - {name: orders, url: "https://sqs.eu-central-1.amazonaws.com/1/orders", handlers: [ruled], \
            dead-letter: "https://sqs.eu-central-1.amazonaws.com/1/orders-dead"}
            handlers:
              - \(handler)
            key-sets:
              - {name: keys, url: "https://keys.example.com/keys", sources: ["*"]}
            store: {durability: durable}
            sandbox: available
            \(plugins)
            """
        try yaml.write(toFile: folder.file("outrigger.yaml"), atomically: true, encoding: .utf8)
        return try Shell.run("\(program) check --offline \(folder.file("outrigger.yaml"))")
    }

    private var ruled: String { Fixtures.products + "/libfixture-ruled.so" }

    @Test func aConfigurationThatThePluginTakesIsGood() throws {
        let checked = try check("{id: ruled, plugin: \(ruled), config: {currency: EUR}}")
        #expect(checked.status == 0, "\(checked.output)")
    }

    @Test func oneThatBreaksThePluginsSchemaIsNamedWithoutItsValues() throws {
        let checked = try check("{id: ruled, plugin: \(ruled), config: {currency: euro-secret, limits: [0]}}")
        #expect(checked.status != 0)
        for words in ["handlers[ruled].config", "plugin.config-invalid", "/currency: ", "/limits/0: "] {
            #expect(checked.output.contains(words), "\(checked.output)")
        }
        #expect(!checked.output.contains("euro-secret"))
    }

    @Test func aPluginThatIsNotHereIsNotTried() throws {
        let checked = try check("{id: ruled, plugin: /nowhere/plugin.so}")
        #expect(checked.status == 0, "\(checked.output)")
        #expect(checked.output.contains("Not tried"))
    }

    @Test func aSecondBuildIsTriedAsTheFirst() throws {
        func trial(_ plugin: String, _ config: String) -> String {
            "{id: ruled, plugin: \(ruled), config: {currency: EUR}, "
                + "trial: {kind: shadow, plugin: \(plugin), config: \(config)}}"
        }
        let good = try check(trial(ruled, "{currency: USD}"))
        #expect(good.status == 0, "\(good.output)")
        let other = try check(trial(Fixtures.products + "/libfixture-counting.so", "{}"))
        #expect(other.status != 0, "\(other.output)")
        for words in ["handlers[ruled].trial.plugin", "plugin.mismatch", "no handler ruled in it"] {
            #expect(other.output.contains(words), "\(other.output)")
        }
        let wrong = try check(trial(ruled, "{currency: euro}"))
        #expect(wrong.status != 0 && wrong.output.contains("handlers[ruled].trial.config"), "\(wrong.output)")
        let absent = try check(trial("/nowhere/two.so", "{}"))
        #expect(absent.status == 0 && absent.output.contains("handlers[ruled].trial.plugin"), "\(absent.output)")
    }

    @Test func anInlineHandlerIsTriedInAWorkerAndItsRiskTold() throws {
        let pin = try Shell.run("sha256sum \(ruled)").output.prefix(64)
        let inline = "{id: ruled, plugin: \(ruled), config: {currency: EUR}, isolation: inline, trusted: true, "
        let good = try check(inline + "sha256: \(pin)}")
        #expect(good.status == 0, "\(good.output)")
        #expect(good.output.contains("Its crash is the sidecar's"), "\(good.output)")
        let wrong = try check(inline + "sha256: \(String(repeating: "ab", count: 32))}")
        #expect(wrong.status != 0 && wrong.output.contains("plugin.pin"), "\(wrong.output)")
    }

    @Test func aFunctionThatIsMissingIsNamed() throws {
        let plain = Fixtures.products + "/libfixture-plain.so"
        func handler(_ symbol: String) -> String {
            "{id: ruled, plugin: \(plain), routes: [{source: com.example.orders}], "
                + "call: {symbol: \(symbol), signature: \"i32(i32, cstr)\", arguments: [/a, /b]}}"
        }
        let good = try check(handler("plain_i32"))
        #expect(good.status == 0, "\(good.output)")
        let bad = try check(handler("plain_i33"))
        #expect(bad.status != 0 && bad.output.contains("call.symbol: no symbol plain_i33"), "\(bad.output)")
    }

    @Test func aSignatureIsWrittenVerifiedAndDemanded() throws {
        let plugin = folder.file("ruled.so")
        let made = try Shell.run(
            """
            set -e; cd \(folder.path)
            cp \(ruled) ruled.so
            \(program) keys generate --kid plugins-1 key.json
            \(program) keys public --form akp key.json > keys.json
            \(program) keys generate --kid others-1 other.json
            \(program) keys public --form akp other.json > others.json
            """)
        #expect(made.status == 0, "\(made.output)")
        let handler = "{id: ruled, plugin: \(plugin), config: {currency: EUR}}"
        let demand = "plugins: {require: signature, keys: [keys.json]}"
        #expect(try check(handler, demand).output.contains("plugin.unsigned"))

        let signed = try Shell.run(
            """
            set -e; cd \(folder.path)
            \(program) keys sign-file --key key.json ruled.so
            \(program) keys verify-file --keys keys.json ruled.so
            """)
        #expect(signed.status == 0, "\(signed.output)")
        #expect(signed.output.contains("ruled.so.sig: a signature by plugins-1"))
        #expect(signed.output.contains("valid: key plugins-1"))
        let good = try check(handler, demand)
        #expect(good.status == 0, "\(good.output)")

        let other = try Shell.run("cd \(folder.path) && \(program) keys verify-file --keys others.json ruled.so")
        #expect(other.status != 0 && other.output.contains("plugin.bad-signature"))
        let changed = try Shell.run(
            "cd \(folder.path) && echo >>ruled.so && \(program) keys verify-file --keys keys.json ruled.so")
        #expect(changed.status != 0 && changed.output.contains("plugin.bad-signature"))
        #expect(try check(handler, demand).output.contains("plugin.bad-signature"))
    }
}
