// How one kind of value is read, refused and shown.
import JSON

/// A value's form: its type for schema and reference, its reader, and its text.
struct Form<Value: Sendable>: Sendable {
    let type: ValueType
    /// `nil` after saying in the reader what is wrong.
    let read: @Sendable (Node, inout Reader) -> Value?
    let show: @Sendable (Value) -> Shown?
    /// Gives settings inside of sections that take effect by restart alone their running values back. Answers where
    /// they differed, as ends of paths: `.url`, `[orders].url`.
    var keep: @Sendable (Value, inout Value) -> [String] = { _, _ in [] }
}

/// Why a scalar is not of its form. Without a `why` of its own the form's constraint is quoted.
struct Refusal: Error {
    var why: String?
    var fix: String?
    var isSecret = false
}

extension Form {
    /// A form for single values.
    static func scalar(
        _ type: ValueType, example: String, isPlain: Bool = false,
        parse: @escaping @Sendable (String, Reader) throws(Refusal) -> Value,
        show: @escaping @Sendable (Value) -> String
    ) -> Form {
        Form(type: type) { node, reader in
            guard case .scalar(let text, let wasPlain) = node.content else {
                reader.refuse(
                    node, "It is \(node.kind), and must be \(type.constraint).", "Write for example: \(example)")
                return nil
            }
            if isPlain && !wasPlain {
                reader.refuse(node, "It is text, and must be \(type.constraint).", "Remove the quotes.")
                return nil
            }
            do throws(Refusal) {
                return try parse(text, reader)
            } catch {
                reader.refuse(
                    node, error.why ?? "It must be \(type.constraint).", error.fix ?? "Write for example: \(example)",
                    isSecret: error.isSecret)
                return nil
            }
        } show: {
            .line(show($0))
        }
    }

    /// The value, or one word that stands for its absence.
    static func or<Wrapped>(_ word: String, _ form: Form<Wrapped>) -> Form where Value == Wrapped? {
        Form(type: .or(word: word, form.type)) { node, reader in
            if node.text == word { return .some(nil) }
            return form.read(node, &reader).map { .some($0) }
        } show: { value in
            value.map { form.show($0) } ?? .line(word)
        }
    }

    /// A list of single values; in an environment variable, separated by commas.
    static func list<Element>(
        of form: Form<Element>, atMost: Int = 256, atLeast: Int = 0
    ) -> Form where Value == [Element] {
        Form(type: .list(form.type, atMost: atMost, atLeast: atLeast)) { node, reader in
            var elements: [Node]
            switch (node.content, node.place) {
            case (.list(let list), _): elements = list
            case (.scalar(let text, _), .variable):
                elements = text.split(separator: ",").map {
                    Node(content: .scalar($0.trimmed, isPlain: true), place: node.place)
                }
            default:
                reader.refuse(node, "It is \(node.kind), and must be a list.", "Put it in brackets: [...]")
                return nil
            }
            guard (atLeast...atMost).contains(elements.count) else {
                reader.refuse(
                    Node(content: .list([]), place: node.place),
                    "It has \(elements.count) elements.", "List \(atLeast) to \(atMost).")
                return nil
            }
            return elements.enumerated().compactMap { index, element in
                reader.within("[\(index)]", at: element.place) { form.read(element, &$0) }
            }
        } show: { values in
            .line("[" + values.map { form.show($0).text }.joined(separator: ", ") + "]")
        }
    }

    /// Text under free names. Values are never shown in messages.
    static func map(
        names: String, isName: @escaping @Sendable (String) -> Bool
    ) -> Form where Value == [String: String] {
        Form(type: .map(.text(what: "text", pattern: "^[^\\u0000]*$"))) { node, reader in
            guard case .map(let entries) = node.content else {
                reader.refuse(
                    node, "It is \(node.kind), and must be a section of names and values.", "Write NAME: value")
                return nil
            }
            var values: [String: String] = [:]
            for entry in entries {
                guard isName(entry.key) else {
                    reader.refuse(key: entry.key, at: entry.place, "A name must be \(names).", "Rename it.")
                    continue
                }
                guard let text = entry.value.text, !text.utf8.contains(0) else {
                    reader.refuse(key: entry.key, at: entry.value.place, "Its value must be text.", "Quote it.")
                    continue
                }
                values[entry.key] = text
            }
            return values
        } show: { values in
            if values.isEmpty { return .line("{}") }
            return .block(values.sorted { $0.key < $1.key }.map { "\($0.key): \(quoted($0.value))" })
        }
    }
}

// MARK: - sections

extension Form {
    static func section() -> Form where Value: SettingsGroup {
        Form(type: .section(isOptional: false, Value.section.declarations)) { node, reader in
            reader.read(Value.section, from: node)
        } show: {
            Value.section.shown($0)
        } keep: { running, new in
            Value.section.keep(running, in: &new).map { "." + $0 }
        }
    }

    /// A section that is absent unless it is written.
    /// - Parameter presence: what becomes of one that is added or taken away.
    static func section<Group: SettingsGroup>(presence: Change = .reload) -> Form where Value == Group? {
        Form(type: .section(isOptional: true, Group.section.declarations)) { node, reader in
            reader.read(Group.section, from: node)
        } show: {
            $0.map { Group.section.shown($0) }
        } keep: { running, new in
            guard let running, var changed = new else {
                guard presence == .restart, (running == nil) != (new == nil) else { return [] }
                new = running
                return [""]
            }
            let paths = Group.section.keep(running, in: &changed)
            new = changed
            return paths.map { "." + $0 }
        }
    }

    /// A list of sections, each shown in messages by its name where it has one.
    static func sections<Group: SettingsGroup>(named: String? = nil, atMost: Int) -> Form where Value == [Group] {
        Form(type: .sections(named: named, atMost: atMost, Group.section.declarations)) { node, reader in
            guard case .list(let elements) = node.content else {
                reader.refuse(node, "It is \(node.kind), and must be a list.", "Begin each element with a dash.")
                return nil
            }
            guard elements.count <= atMost else {
                reader.refuse(
                    Node(content: .list([]), place: node.place), "It has more than \(atMost) elements.",
                    "Split the work over several sidecars.")
                return nil
            }
            return elements.enumerated().map { index, element in
                let name = named.flatMap { element[$0]?.text }.flatMap { Names.isName($0) ? $0 : nil }
                return reader.within("[\(name ?? String(index))]", at: element.place) {
                    $0.read(Group.section, from: element)
                }
            }
        } show: { groups in
            .listed(groups.map { Group.section.shown($0) })
        } keep: { running, new in
            guard let named else { return [] }
            let name = { (group: Group) in Group.section.text(of: named, in: group) }
            return new.indices.flatMap { index -> [String] in
                guard let old = running.first(where: { name($0) == name(new[index]) }) else { return [] }
                return Group.section.keep(old, in: &new[index]).map { "[\(name(old))]." + $0 }
            }
        }
    }
}

extension Optional where Wrapped == Shown {
    /// One line of a value that has just one.
    var text: String {
        guard case .line(let text)? = self else { return "" }
        return text
    }
}

extension Substring {
    /// Without spaces around it.
    var trimmed: String {
        let start = drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " }.reversed())
    }
}

/// YAML that reads back as this text.
func quoted(_ text: String) -> String {
    let isSafe = text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
            UInt8(ascii: "_"), UInt8(ascii: ":"):
            true
        default: false
        }
    }
    let isWord = text.utf8.first.map { !($0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ":")) } ?? false
    let isMistakable = text.utf8.last == UInt8(ascii: ":") || ["true", "false", "null"].contains(text)
    return isSafe && isWord && !isMistakable ? text : JSONValue.string(text).compact
}
