// Any text: the fast reader against the plain one, and both ways of writing.

@testable import JSON

extension Target {
    static let json = Target(name: "json") { input in
        // Three depths, so that the limit itself is tried with short texts.
        let depth = input.count % 3 == 0 ? 4 : 64
        let plain = PlainJSON(input, depth: depth)
        guard let document = try? JSONDocument(input, depth: depth) else {
            try demand(plain == nil, "refused, and it is JSON")
            return "refused"
        }
        guard let plain else { throw Broken(description: "read, and it is no JSON") }
        try compare(document.root, plain)
        try demand((try? document.root.canonical()) == plain.canonical, "another canonical form")
        try writeAgain(document.root)
        return plain.canonical == nil ? "without canonical form" : "read"
    }

    private static func compare(_ node: JSONNode, _ plain: PlainJSON) throws {
        switch plain {
        case .null: try demand(node.isNull, "no null")
        case .bool(let value): try demand(node.bool == value, "another truth")
        case .number(let literal):
            try demand(node.kind == .number && node.raw.elementsEqual(literal.utf8), "another number")
            try demand(node.double == Double(literal), "another double")
            let isInteger = !literal.contains { ".eE".contains($0) }
            try demand(node.int == (isInteger ? Int64(literal) : nil), "another integer")
        case .string(let bytes):
            try demand(node.stringBytes.map { Array($0) } == bytes, "another string")
        case .array(let elements):
            try demand(node.kind == .array && node.elements.count == elements.count, "another array")
            for (mine, its) in zip(node.elements, elements) { try compare(mine, its) }
        case .object(let members):
            try demand(node.kind == .object && node.members.count == members.count, "another object")
            for (mine, its) in zip(node.members, members) {
                try demand(mine.key.stringBytes.map { Array($0) } == its.key, "another key")
                try compare(mine.value, its.value)
                guard members.count < 64 else { continue } // looking one up takes them all
                let name = String(decoding: its.key, as: UTF8.self)
                try demand(node[name]?.offset == mine.value.offset, "a member that is not found")
            }
        }
    }

    private static func writeAgain(_ root: JSONNode) throws {
        let value = root.value
        let back = try? JSONValue.parse(value.serialised(), depth: JSONDocument.deepest)
        try demand(back == value, "written as another")
        guard let canonical = try? root.canonical() else { return }
        guard let again = try? JSONDocument(canonical, depth: JSONDocument.deepest).root else {
            throw Broken(description: "its canonical form is no JSON")
        }
        try demand(again.isCanonical && again.says(theSameAs: root), "its canonical form says something else")
        try demand((try? again.canonical()) == canonical, "canonical form is not one")
    }
}
