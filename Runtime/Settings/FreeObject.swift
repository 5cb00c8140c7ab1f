// A handler's own configuration: YAML that becomes JSON, without guessing.
import Events
import JSON

enum FreeObject {
    /// More belongs into a file of the handler's image.
    static let bytesAtMost = 65_536

    /// Canonical JSON (RFC 8785), or `nil` after saying what is wrong. Values are never shown.
    static func read(_ node: Node, _ reader: inout Reader) -> Bytes? {
        guard case .map = node.content else {
            reader.refuse(
                node, "It is \(node.kind), and must be a section.", "Indent its keys below it.", isSecret: true)
            return nil
        }
        guard let value = value(of: node, &reader) else { return nil }
        guard let bytes = try? value.canonical(), bytes.count <= bytesAtMost else {
            reader.refuse(node, "It has more than \(Quantity.show(bytes: bytesAtMost)) as JSON.", "Write less.")
            return nil
        }
        return bytes[...]
    }

    private static func value(of node: Node, _ reader: inout Reader) -> JSONValue? {
        switch node.content {
        case .scalar(let text, isPlain: false): return .string(text)
        case .scalar(let text, isPlain: true): return plain(text, node, &reader)
        case .list(let elements):
            let values = elements.enumerated().compactMap { index, element in
                reader.within("[\(index)]", at: element.place) { value(of: element, &$0) }
            }
            return values.count == elements.count ? .array(values) : nil
        case .map(let entries):
            let members = entries.compactMap { entry in
                reader.within(entry.key, at: entry.place) { value(of: entry.value, &$0) }
                    .map { JSONMember(entry.key, $0) }
            }
            return members.count == entries.count ? .object(members) : nil
        }
    }

    /// The core schema of YAML 1.2 (section 10.3); what YAML 1.1 read otherwise must be quoted.
    private static func plain(_ text: String, _ node: Node, _ reader: inout Reader) -> JSONValue? {
        switch text {
        case "", "~", "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        default: break
        }
        if ["yes", "no", "on", "off", "y", "n"].contains(text.lowercased())
            || ["true", "false", "null"].contains(text.lowercased())
        {
            reader.refuse(
                node, "Some YAML reads this word as a boolean, some as text.", "Write true or false, or quote it.")
            return nil
        }
        if let number = number(text) { return number }
        let start = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
        let isNearlyNumber =
            (start.first?.isNumber ?? false) && start.allSatisfy { $0.isNumber || "._eExXoO".contains($0) }
        if (isNearlyNumber && start.count { $0 == "." } < 2) || [".inf", ".nan"].contains(start.lowercased()) {
            reader.refuse(
                node, "Some YAML reads this as a number, and it is none in JSON.", "Write a JSON number, or quote it.")
            return nil
        }
        return .string(text)
    }

    /// A JSON number (RFC 8259, section 6) that every reader of JSON takes for the same one.
    private static func number(_ text: String) -> JSONValue? {
        guard text.utf8.count <= 64, let list = try? JSONValue.parse("[\(text)]").array, list.count == 1,
            let number = list.first, number.double != nil, (try? number.canonical()) != nil
        else { return nil }
        return number
    }
}
