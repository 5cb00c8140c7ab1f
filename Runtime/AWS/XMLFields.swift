/// The elements without children of an XML document, by name: what an answer of STS needs, and nothing more of XML.
///
/// Strict: one root, tags that match, five entities, no DOCTYPE, no CDATA, no comment, no processing instruction but
/// the declaration, and no name that has two values.
struct XMLFields {
    private static let maximumBytes = 65_536
    private static let deepest = 16

    private var values: [String: String] = [:]

    subscript(name: String) -> String? { values[name] }

    init?(_ bytes: [UInt8]) {
        guard bytes.count <= XMLFields.maximumBytes, let whole = String(validating: bytes, as: UTF8.self) else {
            return nil
        }
        var text = whole[...].drop(while: \.isWhitespace)
        if text.hasPrefix("<?xml") {
            guard let end = text.firstRange(of: "?>") else { return nil }
            text = text[end.upperBound...].drop(while: \.isWhitespace)
        }
        guard let rest = readElement(text, depth: 0), rest.allSatisfy(\.isWhitespace) else { return nil }
    }

    /// - Returns: what follows the element that `text` begins with.
    private mutating func readElement(_ text: Substring, depth: Int) -> Substring? {
        guard depth < XMLFields.deepest, text.first == "<", let close = text.firstIndex(of: ">") else { return nil }
        let tag = text[text.index(after: text.startIndex)..<close]
        let name = tag.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" || $0 == "." || $0 == ":" }
        guard !name.isEmpty, tag.dropFirst(name.count).first.map({ $0.isWhitespace || $0 == "/" }) ?? true else {
            return nil
        }
        var rest = text[text.index(after: close)...]
        if tag.hasSuffix("/") { return rest }
        var words: Substring = ""
        var hasChildren = false
        while let open = rest.firstIndex(of: "<") {
            words = rest[..<open]
            rest = rest[open...]
            if rest.hasPrefix("</") {
                guard rest.hasPrefix("</\(name)>") else { return nil }
                if !hasChildren && !keep(words, as: name) { return nil }
                return rest.dropFirst(name.count + 3)
            }
            hasChildren = true
            guard let next = readElement(rest, depth: depth + 1) else { return nil }
            rest = next
        }
        return nil
    }

    private mutating func keep(_ words: Substring, as name: Substring) -> Bool {
        guard values[String(name)] == nil, let value = XMLFields.unescaped(words) else { return false }
        values[String(name)] = value
        return true
    }

    private static func unescaped(_ words: Substring) -> String? {
        var result = ""
        var rest = words
        while let ampersand = rest.firstIndex(of: "&") {
            result += rest[..<ampersand]
            rest = rest[ampersand...]
            guard let (entity, character) = entities.first(where: { rest.hasPrefix($0.0) }) else { return nil }
            result.append(character)
            rest = rest.dropFirst(entity.count)
        }
        return result + rest
    }

    private static let entities: [(String, Character)] = [
        ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"),
    ]
}
