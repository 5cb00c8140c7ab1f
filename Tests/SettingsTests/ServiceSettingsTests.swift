import Events
import Settings
import Testing

/// Services of the pod: whom handlers call, and who is a handler.
@Suite struct ServiceSettingsTests {
    private static let services = """

        services:
          ledger:
            socket: /run/ledger/api.sock
            timeout: 3s
            breaker: {failures: 7, open: 2s}
          screening: {socket: run/screening.sock, concurrency: 4}

        """
    private static let handler = """
          - id: billing
            service: {name: ledger, path: /events}
            deadline: 10s
            require-binding: true
            business-key: [/order/id]
            routes:
              - source: com.example.orders
        """
    /// The base, whose handler is a service.
    private static var service: String {
        let start = Base.yaml.firstRange(of: "  - id: billing").map(\.lowerBound) ?? Base.yaml.endIndex
        let end = Base.yaml.firstRange(of: "key-sets:").map(\.lowerBound) ?? Base.yaml.endIndex
        return Base.yaml.replacingCharacters(start..<end, with: handler + "\n") + services
    }

    private static func errors(_ text: String, _ changes: (String, String)...) -> [String] {
        var text = text
        for (old, new) in changes {
            precondition(text.contains(old), "there is no \(old)")
            text = text.replacing(old, with: new)
        }
        return Base.load(text).1.filter { $0.severity == .error }.map { "\($0.path): \($0.why)" }
    }

    @Test func servicesAreReadUnderTheirNames() throws {
        let (configuration, problems) = Base.load(Base.yaml + Self.services)
        #expect(problems.filter { $0.severity != .note } == [])
        let ledger = try #require(configuration?[service: "ledger"])
        #expect(ledger.socket == "/run/ledger/api.sock" && ledger.timeout == .seconds(3) && ledger.concurrency == 16)
        #expect(ledger.breaker.failures == 7 && ledger.breaker.open == .seconds(2))
        #expect(ledger.breaker.openAtMost == .minutes(1))
        #expect(configuration?[service: "screening"]?.concurrency == 4)
        #expect(configuration?[service: "other"] == nil)
    }

    /// What stands in place of another setting is shown there, and not said.
    @Test func theExampleSaysOneThingOfEachHandler() {
        let (configuration, problems) = Base.load(Configuration.example)
        #expect(problems.filter { $0.severity != .note } == [])
        #expect(configuration?.services.map(\.name) == ["ledger"])
        #expect(Configuration.example.contains("    # service:\n"))
    }

    @Test func theirOrderMakesNoOtherConfiguration() {
        let turned = """

            services:
              screening: {socket: run/screening.sock, concurrency: 4}
              ledger: {breaker: {open: 2s, failures: 7}, timeout: 3s, socket: /run/ledger/api.sock}

            """
        let resolved = Base.load(Base.yaml + Self.services).0?.resolved
        #expect(resolved == Base.load(Base.yaml + turned).0?.resolved)
        #expect(resolved?.contains("  ledger:\n    socket: /run/ledger/api.sock\n") == true)
    }

    @Test func whatIsResolvedReadsBackAsTheSame() {
        for text in [Base.yaml + Self.services, Self.service, Base.yaml] {
            let resolved = Base.load(text).0?.resolved ?? ""
            #expect(Base.load(resolved).0?.resolved == resolved)
        }
    }

    @Test func aVariableOverridesOneSettingOfOne() {
        let (configuration, problems) = Base.load(
            Base.yaml + Self.services, ["OUTRIGGER_SERVICES_LEDGER_SOCKET": "/run/other.sock"])
        #expect(problems.filter { $0.severity == .error } == [])
        #expect(configuration?[service: "ledger"]?.socket == "/run/other.sock")
        let (_, unknown) = Base.load(Base.yaml + Self.services, ["OUTRIGGER_SERVICES_LODGER_SOCKET": "/x"])
        #expect(unknown.contains { $0.severity == .error && $0.place == "OUTRIGGER_SERVICES_LODGER_SOCKET" })
    }

    @Test func namesAndValuesAreChecked() {
        let text = Base.yaml + Self.services
        #expect(Self.errors(text, ("  ledger:", "  Ledger:")).first?.contains("A name is 1 to 48") == true)
        #expect(Self.errors(text, ("timeout: 3s", "timeout: 3")).first?.hasPrefix("services.ledger.timeout") == true)
        #expect(Self.errors(text, ("    socket: /run/ledger/api.sock\n", ""))
            == ["services.ledger.socket: It must be given. The Unix socket on which it speaks HTTP/1.1."])
        #expect(Self.errors(text, ("open: 2s", "open: 2m")) == [
            "services.ledger.breaker.open: It is longer than open-at-most."
        ])
        let long = "/" + String(repeating: "x", count: 107)
        #expect(Self.errors(text, ("/run/ledger/api.sock", long)).first?.contains("at most 107 bytes") == true)
        #expect(Self.errors(text, ("timeout: 3s", "timeouts: 3s")).first?.hasPrefix("services.ledger") == true)
        #expect(Self.errors(Base.yaml + "\nservices: [ledger]\n").first?.hasPrefix("services: ") == true)
    }

    @Test func aHandlerCallsWhomThereIs() throws {
        let text = Base.yaml + Self.services
        let own = "    deadline: 10s\n"
        let (configuration, problems) = Base.load(text.replacing(own, with: own + "    calls: [ledger, screening]\n"))
        #expect(problems.filter { $0.severity == .error } == [])
        #expect(configuration?.handlers[0].calls == ["ledger", "screening"])
        let (_, wrong) = Base.load(text.replacing(own, with: own + "    calls: [lodger]\n"))
        let error = try #require(wrong.first { $0.severity == .error })
        #expect(error.path == "handlers[billing].calls[0]" && error.fix == "Did you mean \"ledger\"?")
    }

    @Test func aServiceIsAHandler() throws {
        let (configuration, problems) = Base.load(Self.service)
        #expect(problems.filter { $0.severity == .error } == [])
        let handler = try #require(configuration?.handlers.first)
        #expect(handler.kind == .service && handler.plugin.isEmpty)
        #expect(handler.service?.name == "ledger" && handler.service?.path == "/events")
    }

    @Test func aHandlerIsOneThing() {
        let named = "    service: {name: ledger, path: /events}\n"
        #expect(Self.errors(Self.service, (named, "")) == [
            "handlers[billing].plugin: It must be given, unless `service` or `journal` is."
        ])
        #expect(Self.errors(Self.service, (named, named + "    plugin: /opt/x.so\n")) == [
            "handlers[billing].service: A handler is one of these, not 2."
        ])
        #expect(Self.errors(Self.service, ("name: ledger,", "name: lodger,")) == [
            "handlers[billing].service.name: There is no service of this name."
        ])
        for path in ["events", "//events", "\"/a b\"", "/a#b", "\"\""] {
            #expect(Self.errors(Self.service, ("path: /events", "path: \(path)")).count == 1, "\(path)")
        }
    }

    @Test func whatAServiceHasNoUseForIsRefused() {
        let own = "    deadline: 10s\n"
        for (key, value) in [
            ("config", "{currency: EUR}"), ("calls", "[ledger]"), ("environment", "{A: b}"), ("readable", "[/etc/x]"),
            ("sha256", String(repeating: "ab", count: 32)),
        ] {
            #expect(Self.errors(Self.service, (own, own + "    \(key): \(value)\n")) == [
                "handlers[billing].\(key): It has no meaning for a service."
            ])
        }
        let routes = "    routes:\n      - source: com.example.orders\n"
        #expect(Self.errors(Self.service, (routes, "")) == [
            "handlers[billing].routes: A service does not say which events it takes."
        ])
    }
}

extension String {
    fileprivate func replacingCharacters(_ range: Range<String.Index>, with text: String) -> String {
        var copy = self
        copy.replaceSubrange(range, with: text)
        return copy
    }
}
