// The text of every kind of problem, in one golden file that reads as a catalogue.
import Events
import Settings
import Support
import Testing

struct ProblemTests {
    struct Case {
        let name: String
        let text: String
        var environment: [String: String] = [:]

        init(_ name: String, _ old: String, _ new: String) {
            self.name = name
            text = Base.replacing(old, new)
        }
        init(_ name: String, environment: [String: String]) {
            self.name = name
            text = Base.yaml
            self.environment = environment
        }
    }

    static let values: [Case] = [
        Case("unknown setting, near a known one", "hold: 1m", "holt: 1m"),
        Case("unknown setting with an underscore", "dead-letter:", "dead_letter:"),
        Case("unknown setting, near none", "hold: 1m", "mode: fast"),
        Case("unknown section", "signing:\n  key:", "singing:\n  key:"),
        Case("unknown setting that looks like a secret", "hold: 1m", "\"-----BEGIN PRIVATE KEY\": 1m"),
        Case("missing setting", "    url: https://sqs.eu-central-1.amazonaws.com/123456789012/orders\n", ""),
        Case("missing section", "store:\n  durability: durable\n", ""),
        Case("a key without its value", "durability: durable", "durability:"),
        Case("duration without unit", "hold: 1m", "hold: 60"),
        Case("duration in words", "hold: 1m", "hold: 5 minutes"),
        Case("duration out of range", "hold: 1m", "hold: 5h"),
        Case("duration that overflows", "hold: 1m", "hold: 99999999999999999999d"),
        Case("a list where a value belongs", "hold: 1m", "hold: [1m]"),
        Case("a section where a value belongs", "hold: 1m", "hold: {a: 1}"),
        Case("a value where a list belongs", "handlers: [billing]", "handlers: billing"),
        Case("an empty list", "handlers: [billing]", "handlers: []"),
        Case("a value where a section belongs", "retry:\n      base: 1s\n      cap: 15m", "retry: fast"),
        Case("size without unit", "hold: 1m", "in-hand: {bytes: 67108864}"),
        Case("size out of range", "hold: 1m", "in-hand: {bytes: 1GiB}"),
        Case("number out of range", "hold: 1m", "pollers: 17"),
        Case("number that is text", "hold: 1m", "pollers: \"4\""),
        Case("number with a fraction", "hold: 1m", "pollers: 4.5"),
        Case("boolean of old", "require-binding: true", "require-binding: yes"),
        Case("boolean that is text", "require-binding: true", "require-binding: \"true\""),
        Case("choice with a slip", "durability: durable", "durability: durabel"),
        Case("choice of nothing known", "durability: durable", "durability: s3"),
        Case("a name with capitals", "name: orders", "name: Orders"),
        Case("a URL without scheme", "url: https://keys.example.com/keys/jwks-pqc", "url: keys.example.com"),
        Case("a URL with a password", "url: https://keys.example.com/", "url: https://user:pw@keys.example.com/"),
        Case("a pattern inside a word", "[com.example.*]", "[com.exam*]"),
        Case("a pointer without slash", "[/order/id]", "[order.id]"),
        Case("a digest with its prefix", "deadline: 10s", "sha256: sha256:abc"),
        Case("a digest that is too short", "deadline: 10s", "sha256: abc123"),
        Case("a listen address without port", "bus:", "admin: {listen: localhost}\nbus:"),
        Case(
            "a key in place of its path", "key: /etc/outrigger/signing.key", "key: |\n    -----BEGIN PRIVATE KEY-----"),
        Case("a credential for a handler", "deadline: 10s", "environment: {AWS_SECRET_ACCESS_KEY: abc}"),
        Case("an environment value that is a list", "deadline: 10s", "environment: {A: [1]}"),
        Case("handler config that is no section", "config:\n      currency: EUR", "config: EUR"),
        Case("an ambiguous word in handler config", "currency: EUR", "country: NO"),
        Case("an ambiguous number in handler config", "currency: EUR", "code: 007"),
        Case("control characters in a value", "durability: durable", "durability: \"dur\\e[31mable\\u202e\""),
        Case("a very long value", "durability: durable", "durability: " + String(repeating: "x", count: 500)),
    ]

    static let relations: [Case] = [
        Case("no queues", String(Base.yaml[..<Base.yaml.start(of: "handlers:\n")]), "queues: []\n"),
        Case("an unknown handler", "handlers: [billing]", "handlers: [biling]"),
        Case("a handler listed twice", "handlers: [billing]", "handlers: [billing, billing]"),
        Case(
            "a handler in no queue", "handlers:\n  - id",
            "handlers:\n  - {id: idle, plugin: a.so, require-binding: true}\n  - id"),
        Case(
            "two handlers of one id", "handlers:\n  - id",
            "handlers:\n  - {id: billing, plugin: a.so, require-binding: true}\n  - id"),
        Case(
            "two queues on one URL", "queues:\n",
            "queues:\n  - name: copy\n    handlers: [billing]\n    dead-letter: https://q/dead\n"
                + "    url: https://sqs.eu-central-1.amazonaws.com/123456789012/orders\n"
        ),
        Case("a dead-letter queue that is the queue", "orders-dead", "orders"),
        Case("a dead-letter queue of another kind", "orders-dead", "orders-dead.fifo"),
        Case(
            "no dead letters in an ephemeral store",
            "    dead-letter: https://sqs.eu-central-1.amazonaws.com/123456789012/orders-dead\n    hold: 1m",
            "    hold: 2m"),
        Case("a queue without encryption", "url: https://sqs.", "url: http://sqs."),
        Case("retries that begin above their cap", "base: 1s", "base: 30m"),
        Case("publishing without signing", "signing:\n  key: /etc/outrigger/signing.key\n  kid: billing-2026-01\n", ""),
        Case("publishing without a bus", "bus:\n  name: default\n", ""),
        Case("a route that no key set covers", "- source: com.example.orders", "- source: org.example.orders"),
        Case("a handler that takes unbound events", "    require-binding: true\n    business-key: [/order/id]\n", ""),
        Case("too many workers", "deadline: 10s", "workers: 64"),
        Case("workers without room for a reload", "bus:", "workers: {memory: 768MiB}\nbus:"),
        Case("a worker that is replaced too late", "deadline: 10s", "memory: 64MiB\n    memory-soft: 64MiB"),
        Case("users that nobody gets", "bus:", "workers: {users: 61184-61247}\nbus:"),
        Case("a readable path that goes up", "deadline: 10s", "readable: [/etc/../root]"),
        Case("a key set from nowhere", "    url: https://keys.example.com/keys/jwks-pqc\n", ""),
        Case("a key set over plain http", "https://keys.", "http://keys."),
        Case("a key set that grows too old", "refresh: 5m", "refresh: 2h\n    maximum-age: 1h"),
        Case(
            "a key set for everybody beside others", "key-sets:\n",
            "key-sets:\n  - {name: all, url: 'https://k.example', sources: ['*']}\n"),
        Case("a stop that cuts handlers off", "deadline: 10s", "deadline: 5m"),
        Case("a sandbox that is off", "bus:", "sandbox: off\nbus:"),
    ]

    static let variables: [Case] = [
        Case("a variable with a slip", environment: ["OUTRIGGER_STORE_PATHS": "/tmp/a"]),
        Case("a variable of nothing known", environment: ["OUTRIGGER_ENABLE_TURBO_MODE_NOW": "1"]),
        Case("a variable with a bad value", environment: ["OUTRIGGER_QUEUES_ORDERS_HOLD": "5 minutes"]),
        Case("a variable for an unknown element", environment: ["OUTRIGGER_QUEUES_ORDER_HOLD": "1m"]),
        Case("a variable with a bad object", environment: ["OUTRIGGER_HANDLERS_BILLING_CONFIG": "{a: [}"]),
    ]

    @Test func everyProblemSaysWhereWhatWhyAndWhatInstead() throws {
        var catalogue = ""
        for (title, cases) in [("Values", Self.values), ("Relations", Self.relations), ("Environment", Self.variables)]
        {
            catalogue += "# \(title)\n\n"
            for one in cases {
                var text = one.text
                if one.name.contains("ephemeral") {
                    text = text.replacing("durability: durable", with: "durability: ephemeral")
                }
                let (_, problems) = Base.load(text, one.environment)
                #expect(!problems.isEmpty, "\(one.name) is accepted in silence")
                catalogue += "## \(one.name)\n" + problems.map { $0.description + "\n" }.joined() + "\n"
            }
        }
        #expect(try Snapshot.difference(of: catalogue, from: "Tests/Fixtures/settings/problems.txt") == nil)
    }

    @Test func theBaseItselfHasNoProblem() {
        let (configuration, problems) = Base.load(Base.yaml)
        #expect(problems.isEmpty, "\(problems)")
        #expect(configuration != nil)
    }

    @Test func allProblemsAreFoundAtOnce() {
        let text = Base.yaml.replacing("hold: 1m", with: "hold: 1").replacing(
            "durability: durable", with: "durability: no"
        )
        .replacing("refresh: 5m", with: "refresch: 5m")
        let (configuration, problems) = Base.load(text)
        #expect(configuration == nil)
        #expect(problems.map(\.path) == ["queues[orders].hold", "key-sets[signing]", "store.durability"])
    }

    @Test func aHostileFileGetsABoundedAnswer() {
        let many = (0..<5_000).map { "x\($0): 1\n" }.joined()
        let (configuration, problems) = Base.load(Base.yaml + many)
        #expect(configuration == nil)
        #expect(problems.count == 100)
    }

    @Test func noVariableBreaksATerminal() {
        let (_, problems) = Base.load(Base.yaml, ["OUTRIGGER_\u{1B}[2J\u{9B}é": "1"])
        #expect(problems.map(\.place) == ["OUTRIGGER_?[2J??"])
    }

    @Test func secretsAreNotShown() {
        let secrets = ["-----BEGIN PRIVATE KEY-----abc", "https://user:hunter2@example.com/x"]
        for secret in secrets {
            for old in ["/etc/outrigger/signing.key", "https://keys.example.com/keys/jwks-pqc", "durable\n"] {
                let (_, problems) = Base.load(Base.replacing(old, "\"\(secret)\"\n"))
                let said = problems.map { $0.description + $0.failure.description }.joined()
                #expect(!said.contains("BEGIN") && !said.contains("hunter2"), "\(said)")
            }
        }
    }

    @Test func aProblemIsAFailureOfTheHouse() throws {
        let (_, problems) = Base.load(Base.replacing("hold: 1m", "hold: 5h"))
        let failure = try #require(problems.first).failure
        #expect(
            failure.description.hasPrefix(
                "settings.invalid queues[orders].hold: outrigger.yaml:6:11: \"5h\" It must be"))
    }
}

extension String {
    /// Where a text begins.
    func start(of text: String) -> Index { ranges(of: text).first?.lowerBound ?? endIndex }
}
