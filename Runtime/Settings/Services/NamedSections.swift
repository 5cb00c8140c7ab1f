// Sections under free names: `services: {ledger: {...}}`.

/// A group of settings that is known by the key it stands under.
protocol NamedGroup: SettingsGroup {
    var name: String { get set }
}

extension Form {
    /// - Parameter example: the name that the example shows.
    static func sections<Group: NamedGroup>(byName example: String, atMost: Int) -> Form where Value == [Group] {
        Form(type: .named(example: example, atMost: atMost, Group.section.declarations)) { node, reader in
            guard case .map(let entries) = node.content else {
                reader.refuse(
                    node, "It is \(node.kind), and must be a section of names with a section each.",
                    "Write a name, and its settings indented below it.")
                return nil
            }
            guard entries.count <= atMost else {
                reader.refuse(
                    Node(content: .map([]), place: node.place), "It has more than \(atMost) entries.",
                    "Remove those that are not used.")
                return nil
            }
            return entries.compactMap { entry -> Group? in
                guard Names.isName(entry.key) else {
                    reader.refuse(
                        key: Quote.found(entry.key), at: entry.place,
                        "A name is 1 to 48 lower-case letters, digits and dashes.", "Rename it.")
                    return nil
                }
                var group = reader.within(entry.key, at: entry.value.place) {
                    $0.read(Group.section, from: entry.value)
                }
                group.name = entry.key
                return group
            }
        } show: { groups in
            if groups.isEmpty { return .line("{}") }
            // In one order, whatever the file's: the same text for the same configuration.
            return .block(groups.sorted { $0.name < $1.name }.flatMap { Group.section.shown($0).under($0.name) })
        }
    }
}
