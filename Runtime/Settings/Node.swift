// One value of a configuration, with the place where somebody wrote it.

/// Where a value was written.
enum Place: Hashable, Sendable {
    /// Both from 1; columns count Unicode scalars.
    case file(line: Int, column: Int)
    case variable(String)
}

/// A value of the document: scalars still text, for a declaration to read.
struct Node: Sendable {
    struct Entry: Sendable {
        let key: String
        let place: Place
        var value: Node
    }
    enum Content: Sendable {
        /// `isPlain`: written without quotes, so `true`, `null` and `12` are not text.
        case scalar(String, isPlain: Bool)
        case list([Node])
        case map([Entry])
    }

    var content: Content
    var place: Place

    /// A key without a value counts as if it was not there.
    var isNothing: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }

    var kind: String {
        switch content {
        case .scalar: "a single value"
        case .list: "a list"
        case .map: "a section"
        }
    }

    subscript(key: String) -> Node? {
        guard case .map(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    /// The text of a scalar.
    var text: String? {
        guard case .scalar(let text, _) = content else { return nil }
        return text
    }

    /// Puts a value at a path of keys and list positions. A missing section on the way is made; a list element is not.
    mutating func put(_ node: Node, at path: ArraySlice<Step>) {
        guard let step = path.first else {
            self = node
            return
        }
        switch (step, content) {
        case (.key(let key), .map(var entries)):
            if let index = entries.firstIndex(where: { $0.key == key }) {
                entries[index].value.put(node, at: path.dropFirst())
            } else {
                entries.append(Entry(key: key, place: node.place, value: Self.made(of: node, path.dropFirst())))
            }
            content = .map(entries)
        case (.element(let index), .list(var elements)) where elements.indices.contains(index):
            elements[index].put(node, at: path.dropFirst())
            content = .list(elements)
        default:
            if isNothing { self = Self.made(of: node, path) }
        }
    }

    private static func made(of node: Node, _ path: ArraySlice<Step>) -> Node {
        guard case .key(let key)? = path.first else { return node }
        let entry = Entry(key: key, place: node.place, value: made(of: node, path.dropFirst()))
        return Node(content: .map([entry]), place: node.place)
    }

    enum Step: Hashable, Sendable {
        case key(String)
        case element(Int)
    }
}
