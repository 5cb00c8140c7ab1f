// What is read, what overrides it, and what stays the same.
import Events
import Settings
import Testing

struct ConfigurationTests {
    @Test func everyKindOfValueIsRead() throws {
        let text = Base.yaml.replacing("hold: 1m", with: "hold: 90s\n    visibility: 2m\n    in-hand: {bytes: 32MiB}")
            .replacing("deadline: 10s", with: "deadline: 250ms\n    sha256: \(String(repeating: "0f", count: 32))")
        let configuration = try #require(Base.load(text).0)
        let queue = try #require(configuration.queues.first)
        #expect(queue.name == QueueName("orders"))
        #expect(queue.hold == .seconds(90))
        #expect(queue.visibility == .minutes(2))
        #expect(queue.inHand.bytes == 33_554_432)
        #expect(queue.inHand.messages == 1_000)
        #expect(queue.quarantineURL == queue.deadLetter)
        #expect(queue.maxAge == .hours(25))
        let handler = try #require(configuration[handler: HandlerID("billing")])
        #expect(handler.deadline == .milliseconds(250))
        #expect(handler.sha256?.hexadecimal == String(repeating: "0f", count: 32))
        #expect(handler.routes.map(\.detailType) == ["*"])
        #expect(handler.publish.first?.detailTypes == ["Invoice.Sent.v1"])
        #expect(configuration.signing?.keyID == "billing-2026-01")
        #expect(configuration.admin.listen == ListenAddress(host: "127.0.0.1", port: 9464))
    }

    @Test func aHandlersConfigBecomesCanonicalJSON() throws {
        let config = """
            config:
                  z: [1, 1.50, -0.0, 1e3, true, ~, "true", text, 2026-01-01, 10.0.0.1]
                  a: {nested: 'it''s', empty: }
            """
        let text = Base.replacing("config:\n      currency: EUR", config)
        let configuration = try #require(Base.load(text).0)
        #expect(
            configuration.handlers[0].config.text
                == #"{"a":{"empty":null,"nested":"it's"},"#
                + #""z":[1,1.5,0,1000,true,null,"true","text","2026-01-01","10.0.0.1"]}"#
        )
    }

    @Test func variablesOverrideTheFile() throws {
        let (read, problems) = Base.load(
            Base.yaml,
            [
                "OUTRIGGER_STORE_PATH": "/data/store.db", "OUTRIGGER_QUEUES_ORDERS_HOLD": "5s",
                "OUTRIGGER_QUEUES_0_IN_HAND_MESSAGES": "20",
                "OUTRIGGER_KEY_SETS_SIGNING_SOURCES": "com.example.*, org.example.a",
                "OUTRIGGER_HANDLERS_BILLING_CONFIG": #"{"limit": 3}"#, "OUTRIGGER_HANDLERS_BILLING_RETRY_ATTEMPTS": "3",
                "OUTRIGGER_AWS_REGION": "eu-west-1", "OUTRIGGER_SKEW_AHEAD": "1m",
                "OUTRIGGER_HANDLERS_0_PUBLISH_0_SOURCE": "a.b",
                "HOME": "/root", "OUTRIGGER_CONFIG": "/etc/x.yaml",
            ])
        let configuration = try #require(read, "\(problems)")
        #expect(configuration.store.path == "/data/store.db")
        #expect(configuration.queues[0].hold == .seconds(5))
        #expect(configuration.queues[0].inHand.messages == 20)
        #expect(configuration.keySets[0].sources == ["com.example.*", "org.example.a"])
        #expect(configuration.handlers[0].config.text == #"{"limit":3}"#)
        #expect(configuration.handlers[0].retry.attempts == 3)
        #expect(configuration.aws.region == "eu-west-1")
        #expect(configuration.skew.ahead == .minutes(1))
        #expect(configuration.handlers[0].publish[0].source == "a.b")
    }

    @Test func variablesOfAKubernetesServiceAreNoSettings() {
        let (_, problems) = Base.load(
            Base.yaml,
            [
                "OUTRIGGER_SERVICE_HOST": "10.0.0.1", "OUTRIGGER_SERVICE_PORT": "9464",
                "OUTRIGGER_SERVICE_PORT_METRICS": "9464",
                "OUTRIGGER_PORT": "tcp://10.0.0.1:9464", "OUTRIGGER_PORT_9464_TCP": "tcp://10.0.0.1:9464",
                "OUTRIGGER_PORT_9464_TCP_ADDR": "10.0.0.1", "OUTRIGGER_ADMIN_SERVICE_HOST": "10.0.0.2",
            ])
        #expect(problems.isEmpty, "\(problems)")
    }

    @Test func aNameThatReadsAsTwoElementsIsRefused() {
        let text = Base.replacing(
            "queues:\n",
            "queues:\n  - {name: a-b, url: 'https://q/1', handlers: [billing]}\n"
                + "  - {name: a--b, url: 'https://q/2', handlers: [billing]}\n"
        )
        let clash = text.replacing("name: a--b", with: "name: \"a-b\"")
        #expect(Base.load(text, ["OUTRIGGER_QUEUES_A_B_HOLD": "1s"]).1.isEmpty)
        #expect(Base.load(clash, ["OUTRIGGER_QUEUES_A_B_HOLD": "1s"]).1.first?.why == "It could mean several settings.")
    }

    @Test func theResolvedTextReadsBackAsItself() throws {
        let configuration = try #require(Base.load(Base.yaml).0)
        let (again, problems) = Base.load(configuration.resolved)
        #expect(problems.isEmpty, "\(problems)")
        #expect(again == configuration)
        #expect(again?.resolved == configuration.resolved)
    }

    @Test func theResolvedTextDiffersWithAnySetting() throws {
        let configuration = try #require(Base.load(Base.yaml).0)
        for (old, new) in [("1m", "59s"), ("EUR", "USD"), ("billing-2026-01", "billing-2026-02"), ("15m", "14m")] {
            #expect(try #require(Base.load(Base.replacing(old, new)).0).resolved != configuration.resolved)
        }
        // Order of keys, comments and quotes are not settings.
        let other = "# comment\n" + Base.replacing("kid: billing-2026-01", "kid: 'billing-2026-01'")
        #expect(try #require(Base.load(other).0).resolved == configuration.resolved)
    }

    @Test func whatNeedsARestartIsNamedAndKeepsItsRunningValue() throws {
        let running = try #require(Base.load(Base.yaml).0)
        let other = Base.yaml.replacing("durability: durable", with: "durability: ephemeral\n  low-water: 1GiB")
            .replacing("bus:", with: "state-directory: /data\nbus:").replacing("hold: 1m", with: "hold: 2m")
            .replacing("123456789012/orders\n", with: "123456789012/orders-2\n").replacing("kid: b", with: "kid: c")
        var new = try #require(Base.load(other).0)
        #expect(
            new.keep(running) == [
                "queues[orders].url", "signing", "store.durability", "store.low-water", "state-directory",
            ])
        #expect(new.keep(running) == [])
        #expect(new.queues[0].hold == .minutes(2), "what is live is the new one's")
        var expected = running
        expected.queues[0].hold = .minutes(2)
        #expect(new == expected)
    }

    @Test(arguments: [
        ("url: https://keys.example.com/keys/jwks-pqc", "https://keys.example.com/keys/jwks-pqc"),
        ("socket: /run/keys.sock", "unix:/run/keys.sock:/keys/jwks-pqc"),
        ("socket: /run/keys.sock\n    url: http://keys/other", "unix:/run/keys.sock:/other"),
        ("socket: /run/keys.sock\n    url: http://keys", "unix:/run/keys.sock:/"),
    ])
    func aKeySetIsAskedForOverItsSocket(_ written: String, _ expected: String) throws {
        let text = Base.replacing("url: https://keys.example.com/keys/jwks-pqc", written)
        #expect(try #require(Base.load(text).0).keySets[0].location == expected)
    }
}
