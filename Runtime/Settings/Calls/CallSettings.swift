// A plain C function of any library as a handler.
public import Events
import JSON

public struct CallSettings: SettingsGroup, Hashable {
    public var symbol = ""
    public var signature = CallSignature()
    /// One for each parameter: a JSON Pointer, or a field of the event.
    public var arguments: [String] = []
    /// From what it returned to the outcome.
    public var returns: [String: String] = [:]

    public init() {}

    /// Fields of the event that may be arguments, and whether they are text.
    static let fields: [String: Bool] = [
        "$id": true, "$source": true, "$detail-type": true, "$resource": true, "$correlation-id": true,
        "$detail": true, "$attempt": false, "$time": false,
    ]
    static let outcomes = ["done", "retry", "reject", "wait"]

    static let section = Section<Self>(
        Setting(
            "symbol", \.symbol,
            .text(
                "a C identifier", pattern: "^[A-Za-z_][A-Za-z0-9_]{0,254}$", example: "fees_apply", Self.isIdentifier),
            required: true, example: "fees_apply", "The function in `plugin`, which is a library without our header."),
        Setting(
            "signature", \.signature, .callSignature, required: true, example: "i32(cstr, f64)",
            "What it returns and takes: i8 to i64, u8 to u64, f32, f64, bool, cstr, bytes (two C arguments), void."),
        Setting(
            "arguments", \.arguments, .list(of: .argument, atMost: CallSignature.parametersAtMost),
            example: "[/paymentId, /amount]",
            "Where each value comes from: a JSON Pointer into the payload, or $id, $source, $detail-type, $resource, "
                + "$correlation-id, $detail, $attempt, $time."),
        Setting(
            "returns", \.returns,
            .map(names: "a number, true, false or other", isName: isResult),
            "What each result means: done, retry, reject or wait. By default 0 and true are done, all others retry."))

    private static func isResult(_ text: String) -> Bool {
        ["other", "true", "false"].contains(text) || Int128(text).map { String($0) == text } == true
    }

    private static func isIdentifier(_ text: String) -> Bool {
        let isFirst = text.utf8.first.map { !(0x30...0x39).contains($0) } ?? false
        return isFirst && text.utf8.count <= 255
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == 0x5F
            }
    }

    /// The configuration of the plugin that makes the calls: a JSON object.
    public var configuration: Bytes {
        let standard = signature.result == .bool ? ["true": "done"] : ["0": "done"]
        let table = standard.merging(returns) { $1 }
        let outcomes = table.filter { $0.key != "other" }.sorted { $0.key < $1.key }
            .map { JSONMember($0.key, .string($0.value)) }
        let parameters = zip(signature.parameters, arguments).map { type, source -> JSONValue in
            ["type": .string(type.rawValue), "from": .string(source)]
        }
        let value: JSONValue = [
            "symbol": .string(symbol), "result": .string(signature.result.rawValue), "parameters": .array(parameters),
            "outcomes": .object(outcomes), "otherwise": .string(table["other"] ?? "retry"),
        ]
        return value.serialised()[...]
    }
}

extension Form where Value == String {
    /// A JSON Pointer, or a field of the event.
    static var argument: Form {
        let fields = CallSettings.fields.keys.sorted().joined(separator: ", ")
        return .text(
            "a JSON Pointer, or one of \(fields)",
            pattern: "^((/([^~/]|~[01])*)+|\\$(id|source|detail-type|resource|correlation-id|detail|attempt|time))$",
            example: "/payment/id"
        ) { text in
            CallSettings.fields[text] != nil || Names.isPointer(text)
        }
    }
}

extension CrossChecks {
    /// Whether symbol, signature, arguments and table fit each other, and the rest of the handler.
    func check(_ call: CallSettings, of handler: HandlerSettings, _ path: String, _ reader: inout Reader) {
        let types = call.signature.parameters
        if types.count != call.arguments.count {
            reader.error(
                "\(path).call.arguments",
                "The signature takes \(types.count) values, and \(call.arguments.count) are given.",
                "Give one argument for each parameter; bytes takes one for its two.")
        }
        for (index, (type, argument)) in zip(types, call.arguments).enumerated() {
            guard let isText = CallSettings.fields[argument] else { continue }
            if isText ? !type.isText : !type.isInteger {
                reader.error(
                    "\(path).call.arguments[\(index)]", found: argument,
                    "It is \(isText ? "a text" : "a whole number"), and the signature wants \(type.rawValue).",
                    isText ? "Write cstr or bytes there." : "Write an integer there, for example i64.")
            }
        }
        for (key, outcome) in call.returns.sorted(by: { $0.key < $1.key }) {
            let place = "\(path).call.returns.\(key)"
            if !CallSettings.outcomes.contains(outcome) {
                reader.error(place, found: outcome, "It is no outcome.", "Write done, retry, reject or wait.")
            }
            let isPossible = call.signature.result.holds(key) || (key == "other" && call.signature.result != .void)
            if !isPossible {
                reader.error(
                    place, "A result of \(call.signature.result.rawValue) is never this.",
                    "Remove it, or correct the signature.")
            }
        }
        if handler.routes.isEmpty {
            reader.error(
                "\(path).routes", "A plain function does not say which events it takes.", "List them under `routes`.")
        }
        if handler.config != Bytes("{}") {
            reader.error(
                "\(path).config", "A plain function takes no configuration.", "Remove it; arguments come from events.")
        }
    }
}
