import Events
import Settings
import Testing

/// Plain functions as handlers: what fits together is taken, what does not is named.
@Suite struct CallSettingsTests {
    static let handler = """
        plugin: /opt/outrigger/libbilling.so
            call:
              symbol: fees_apply
              signature: i32(cstr, f64)
              arguments: [/paymentId, /amount]
              returns: {0: done, 7: wait, other: reject}
        """

    static func load(_ changes: (String, String)...) -> (Configuration?, [Problem]) {
        var text = Base.replacing("plugin: /opt/outrigger/libbilling.so", handler)
            .replacing("    config:\n      currency: EUR\n", with: "")
        for (old, new) in changes {
            precondition(text.contains(old), "there is no \(old)")
            text = text.replacing(old, with: new)
        }
        return Base.load(text)
    }

    static func errors(_ problems: [Problem]) -> [String] {
        problems.filter { $0.severity == .error }.map { "\($0.path): \($0.why)" }
    }

    @Test func aCallThatFitsIsTaken() throws {
        let (configuration, problems) = Self.load()
        #expect(Self.errors(problems) == [])
        let call = try #require(configuration?.handlers[0].call)
        #expect(call.signature.result == .i32 && call.signature.parameters == [.cstr, .f64])
        #expect(
            call.configuration.text == #"{"symbol":"fees_apply","result":"i32","parameters":[{"type":"cstr","#
                + #""from":"/paymentId"},{"type":"f64","from":"/amount"}],"outcomes":{"0":"done","7":"wait"},"#
                + #""otherwise":"reject"}"#)
        #expect(configuration?.resolved.contains("signature: \"i32(cstr, f64)\"") == true)
    }

    @Test func withoutATableZeroAndTrueAreDoneAndAllElseIsTriedAgain() throws {
        let (plain, _) = Self.load(("returns: {0: done, 7: wait, other: reject}", "returns: {}"))
        let text = try #require(plain?.handlers[0].call?.configuration).text
        #expect(text.hasSuffix(#""outcomes":{"0":"done"},"otherwise":"retry"}"#))
        let (bool, _) = Self.load(
            ("returns: {0: done, 7: wait, other: reject}", "returns: {}"), ("i32(cstr, f64)", "bool(cstr, f64)"))
        #expect(bool?.handlers[0].call?.configuration.text.contains(#""outcomes":{"true":"done"}"#) == true)
    }

    @Test(arguments: [
        (
            "i32(cstr, f64)", "i33(cstr, f64)",
            "handlers[billing].call.signature: There is no type \"i33\". Did you mean i32?"
        ),
        (
            "i32(cstr, f64)", "f64(cstr, f64)",
            "handlers[billing].call.signature: A result of f64 says no outcome: it must be an integer, bool or void."
        ),
        (
            "i32(cstr, f64)", "i32 cstr",
            "handlers[billing].call.signature: A signature is a type and, in parentheses, the types of what it takes."
        ),
        ("i32(cstr, f64)", "i32(cstr, void)", "handlers[billing].call.signature: A parameter cannot be void."),
        ("i32(cstr, f64)", "i32(cstr,)", "handlers[billing].call.signature: There is no type "),
        (
            "i32(cstr, f64)", "i32(cstr)",
            "handlers[billing].call.arguments: The signature takes 1 values, and 2 are given."
        ),
        (
            "[/paymentId, /amount]", "[/paymentId, $id]",
            "handlers[billing].call.arguments[1]: It is a text, and the signature wants f64."
        ),
        (
            "[/paymentId, /amount]", "[$attempt, /amount]",
            "handlers[billing].call.arguments[0]: It is a whole number, and the signature wants cstr."
        ),
        ("{0: done, 7: wait,", "{0: done, 7: later,", "handlers[billing].call.returns.7: It is no outcome."),
        (
            "{0: done, 7: wait,", "{0: done, 2147483648: wait,",
            "handlers[billing].call.returns.2147483648: A result of i32 is never this."
        ),
        (
            "i32(cstr, f64)", "void(cstr, f64)",
            "handlers[billing].call.returns.0: A result of void is never this."
        ),
        (
            "    routes:\n      - source: com.example.orders\n", "",
            "handlers[billing].routes: A plain function does not say which events it takes."
        ),
        ("deadline: 10s", "config: {a: 1}", "handlers[billing].config: A plain function takes no configuration."),
    ] as [(String, String, String)])
    func whatDoesNotFitIsNamed(_ old: String, _ new: String, _ words: String) {
        let (configuration, problems) = Self.load((old, new))
        #expect(configuration == nil)
        let errors = Self.errors(problems)
        #expect(errors.contains { $0.hasPrefix(words) }, "\(errors)")
    }

    @Test(arguments: [
        ("symbol: fees_apply", "symbol: fees-apply"), ("[/paymentId, /amount]", "[paymentId, /amount]"),
        ("[/paymentId, /amount]", "[/paymentId, $amount]"), ("{0: done, 7: wait,", "{00: done, 7: wait,"),
    ])
    func whatIsNoneOfItsKindIsRefused(_ old: String, _ new: String) {
        #expect(Self.load((old, new)).0 == nil)
    }

    // MARK: - plugins.require

    @Test func aPinIsDemandedOfEachHandler() {
        let (configuration, problems) = Base.load(Base.yaml + "plugins: {require: pin}\n")
        #expect(configuration == nil)
        #expect(Self.errors(problems) == ["handlers[billing].sha256: `plugins.require` demands a pin."])
    }

    @Test(arguments: ["{require: signature}", "{keys: [/etc/outrigger/plugin-keys.json]}"])
    func signaturesAndKeysGoTogether(_ plugins: String) {
        let (configuration, problems) = Base.load(Base.yaml + "plugins: \(plugins)\n")
        #expect(configuration == nil)
        #expect(Self.errors(problems).allSatisfy { $0.hasPrefix("plugins.keys: ") } && !problems.isEmpty)
    }

    @Test func keysOfPluginsAreFiles() throws {
        let (configuration, _) = Base.load(
            Base.yaml + "plugins: {require: signature, keys: [/etc/outrigger/plugin-keys.json]}\n")
        #expect(configuration?.plugins.require == .signature)
        #expect(configuration?.plugins.keys == ["/etc/outrigger/plugin-keys.json"])
    }
}
