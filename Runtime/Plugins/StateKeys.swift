import Events
import JSON

/// The state keys that travel with an event: templates with JSON Pointers in braces, `position:{/currency}`, filled
/// from its payload.
struct StateKeys: Sendable {
    private enum Part: Sendable {
        case text(String)
        case pointer(JSONPointer)
    }
    private let templates: [[Part]]

    var isEmpty: Bool { templates.isEmpty }

    /// - Throws: `plugin.mismatch` for a brace without its partner or a malformed pointer.
    init(_ texts: [String]) throws(Failure) {
        var templates: [[Part]] = []
        for text in texts { templates.append(try Self.parse(text)) }
        self.templates = templates
    }

    private static func parse(_ text: String) throws(Failure) -> [Part] {
        var parts: [Part] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            parts.append(.text(String(rest[..<open])))
            guard let close = rest[open...].firstIndex(of: "}") else {
                throw Failure(.pluginMismatch, "eh_handler.state_keys", "a { without its }: \(text)")
            }
            parts.append(.pointer(try pointer(String(rest[rest.index(after: open)..<close]), of: "state_keys")))
            rest = rest[rest.index(after: close)...]
        }
        return parts + [.text(String(rest))]
    }

    static func pointer(_ text: String, of field: String) throws(Failure) -> JSONPointer {
        do { return try JSONPointer(parsing: text) } catch {
            throw Failure(.pluginMismatch, "eh_handler.\(field)", "no JSON Pointer: \(text)")
        }
    }

    /// The keys of one event; a template whose pointer finds no string, number or boolean gives none.
    func keys(of payload: Bytes) -> [Bytes] {
        if templates.isEmpty { return [] }
        let needsPayload = templates.contains { $0.contains { if case .pointer = $0 { true } else { false } } }
        let value = needsPayload ? (try? JSONValue.parse(payload)) ?? .null : .null
        var seen: Set<Bytes> = []
        return templates.compactMap { Self.fill($0, from: value) }.filter { seen.insert($0).inserted }
    }

    private static func fill(_ template: [Part], from payload: JSONValue) -> Bytes? {
        var key = ""
        for part in template {
            switch part {
            case .text(let text): key += text
            case .pointer(let pointer):
                guard let text = payload.at(pointer).flatMap(text) else { return nil }
                key += text
            }
        }
        return (1...Limits.stateKeyBytes).contains(key.utf8.count) ? Bytes(key) : nil
    }

    private static func text(of value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .bool, .integer, .double: (try? value.canonical()).map { String(decoding: $0, as: UTF8.self) }
        case .null, .array, .object: nil
        }
    }
}
