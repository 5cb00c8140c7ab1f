// The configuration as an operator may see it over the API.
import Events
public import JSON

extension Configuration {
    /// Every setting under the keys that the file has, defaults included.
    ///
    /// What is not ours to judge is hidden: handlers' own configuration and environment keep their names, and each
    /// value reads `(hidden)`. All other settings hold no secrets by their forms.
    public var disclosed: JSONValue {
        guard let root = try? Document.parse(Array(resolved.utf8), file: "") else { return .null }
        return Disclosure.value(root, Self.section.declarations)
    }
}

private enum Disclosure {
    static let hidden = JSONValue.string("(hidden)")

    static func value(_ node: Node, _ declarations: [Declaration]) -> JSONValue {
        guard case .map(let entries) = node.content else { return .null }
        return .object(
            entries.map { entry in
                let type = declarations.first { $0.key == entry.key }?.type
                return JSONMember(entry.key, type.map { value(entry.value, $0) } ?? hidden)
            })
    }

    private static func value(_ node: Node, _ type: ValueType) -> JSONValue {
        switch (type, node.content) {
        case (.map, _), (.free, _): return masked(node)
        case (.or(_, let inner), _): return node.isNothing ? .null : value(node, inner)
        case (.section(_, let declarations), _): return value(node, declarations)
        case (.named(_, _, let declarations), .map(let entries)):
            return .object(entries.map { JSONMember($0.key, value($0.value, declarations)) })
        case (.sections(_, _, let declarations), .list(let elements)):
            return .array(elements.map { value($0, declarations) })
        case (.list(let inner, _, _), .list(let elements)): return .array(elements.map { value($0, inner) })
        case (.flag, .scalar(let text, _)): return .bool(text == "true")
        case (.count, .scalar(let text, _)): return Int64(text).map { .integer($0) } ?? .string(text)
        case (_, .scalar(let text, _)): return .string(text)
        default: return hidden
        }
    }

    private static func masked(_ node: Node) -> JSONValue {
        switch node.content {
        case .scalar: hidden
        case .list(let elements): .array(elements.map(masked))
        case .map(let entries): .object(entries.map { JSONMember($0.key, masked($0.value)) })
        }
    }
}
