// JSON for people: the schema, and texts in messages.
import JSON

extension JSONValue {
    var compact: String { String(decoding: serialised(), as: UTF8.self) }

    /// Two spaces a level; lists of scalars on one line.
    func pretty(_ indentation: String = "") -> String {
        let deeper = indentation + "  "
        switch self {
        case .object(let members) where !members.isEmpty:
            let lines = members.map { deeper + JSONValue.string($0.key).compact + ": " + $0.value.pretty(deeper) }
            return "{\n" + lines.joined(separator: ",\n") + "\n" + indentation + "}"
        case .array(let values) where values.contains(where: { $0.members != nil || $0.array != nil }):
            return "[\n" + values.map { deeper + $0.pretty(deeper) }.joined(separator: ",\n") + "\n" + indentation + "]"
        case .array(let values): return "[" + values.map(\.compact).joined(separator: ", ") + "]"
        default: return compact
        }
    }
}
