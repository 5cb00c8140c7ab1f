// What is generated from the declarations: JSON Schema, reference and example.
import Events
import JSON

extension ValueType {
    /// Completes "It must be ...".
    var constraint: String {
        switch self {
        case .text(let what, _): what
        case .choice(let words): words.count == 1 ? words[0] : "one of " + words.joined(separator: ", ")
        case .flag: "true or false"
        case .count(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .size(let range):
            "a size from \(Quantity.show(bytes: range.lowerBound)) to \(Quantity.show(bytes: range.upperBound))"
        case .duration(let range):
            "a duration from \(Quantity.show(range.lowerBound)) to \(Quantity.show(range.upperBound))"
        case .or(let word, let type): "\(word), or \(type.constraint)"
        case .list(let type, _, 0): "a list, each element \(type.constraint)"
        case .list(let type, _, _): "a list of at least one, each element \(type.constraint)"
        case .map: "a section of names with text"
        case .free: "any section"
        case .section: "a section"
        case .sections: "a list of sections"
        case .named: "a section of names with a section each"
        }
    }

    var schema: JSONValue {
        switch self {
        case .text(_, let pattern): ["type": "string", "pattern": .string(pattern)]
        case .choice(let words): ["enum": .array(words.map { .string($0) })]
        case .flag: ["type": "boolean"]
        case .count(let range):
            [
                "type": "integer", "minimum": .integer(Int64(range.lowerBound)),
                "maximum": .integer(Int64(range.upperBound)),
            ]
        case .size: ["type": "string", "pattern": .string(Quantity.sizePattern)]
        case .duration: ["type": "string", "pattern": .string(Quantity.durationPattern)]
        case .or(let word, let type): ["anyOf": [["const": .string(word)], type.schema]]
        case .list(let type, let atMost, let atLeast):
            [
                "type": "array", "items": type.schema, "minItems": .integer(Int64(atLeast)),
                "maxItems": .integer(Int64(atMost)),
            ]
        case .map(let type): ["type": "object", "additionalProperties": type.schema]
        case .free: ["type": "object"]
        case .section(_, let declarations): Self.schema(of: declarations)
        case .sections(_, let atMost, let declarations):
            ["type": "array", "maxItems": .integer(Int64(atMost)), "items": Self.schema(of: declarations)]
        case .named(_, let atMost, let declarations):
            [
                "type": "object", "maxProperties": .integer(Int64(atMost)),
                "propertyNames": ["pattern": "^[a-z0-9-]{1,48}$"],
                "additionalProperties": Self.schema(of: declarations),
            ]
        }
    }

    static func schema(of declarations: [Declaration]) -> JSONValue {
        let properties = declarations.map { declaration -> JSONMember in
            var schema = declaration.type.schema
            schema["description"] = .string(declaration.meaning)
            if let standard = declaration.standard, case .line(let text) = standard {
                schema["default"] = Self.json(text, declaration.type)
            }
            return JSONMember(declaration.key, schema)
        }
        let required = declarations.filter(\.isRequired).map { JSONValue.string($0.key) }
        return [
            "type": "object", "additionalProperties": false, "required": .array(required),
            "properties": .object(properties),
        ]
    }

    private static func json(_ text: String, _ type: ValueType) -> JSONValue {
        switch type {
        case .flag, .count, .list, .map, .free, .sections, .named: (try? JSONValue.parse(text)) ?? .string(text)
        default: (try? JSONValue.parse(text)).flatMap { $0.string.map { .string($0) } } ?? .string(text)
        }
    }
}

extension Configuration {
    /// JSON Schema (draft 2020-12) for editors, with ranges of durations and sizes left to the reader.
    public static var schema: String {
        var schema = ValueType.schema(of: section.declarations)
        schema["title"] = "Outrigger configuration"
        guard let members = schema.members else { return "" }
        let head = JSONMember("$schema", "https://json-schema.org/draft/2020-12/schema")
        return JSONValue.object([head] + members).pretty() + "\n"
    }

    /// `config/outrigger.yaml`: every setting with its default.
    public static var example: String {
        var lines = [
            "# Every setting with its default. What has none shows an example; a list shows one element.",
            "# Generated from the declarations in Runtime/Settings. config/REFERENCE.md says more.",
        ]
        for declaration in section.declarations { lines += [""] + Example.lines(of: declaration) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `config/REFERENCE.md`.
    public static var reference: String { Reference.text(of: section.declarations) }
}

enum Example {
    static func lines(of declaration: Declaration) -> [String] {
        let lines = text(of: declaration)
        return declaration.isAlternative ? lines.map { $0.hasPrefix("#") ? $0 : "# " + $0 } : lines
    }

    private static func text(of declaration: Declaration) -> [String] {
        let comment = wrapped(declaration.meaning, to: 96).map { "# " + $0 }
        switch declaration.type {
        case .section(_, let inner):
            return comment + ["\(declaration.key):"] + inner.flatMap(lines).map { "  " + $0 }
        case .sections(_, _, let inner):
            let element = inner.flatMap(lines)
            let start = element.firstIndex { !$0.hasPrefix("#") } ?? 0
            let first = element[..<start].map { "  " + $0 }
            let dashed = element[start...].enumerated().map { ($0.offset == 0 ? "  - " : "    ") + $0.element }
            return comment + ["\(declaration.key):"] + first + dashed
        case .named(let name, _, let inner):
            return comment + ["\(declaration.key):", "  \(name):"] + inner.flatMap(lines).map { "    " + $0 }
        default:
            let value = declaration.standard ?? .line(declaration.example ?? "")
            let shown =
                declaration.type.isEmptyByDefault(value) ? declaration.example.map { Shown.line($0) } ?? value : value
            return comment + shown.under(declaration.key)
        }
    }

    static func wrapped(_ text: String, to width: Int) -> [String] {
        var lines = [""]
        for word in text.split(separator: " ") {
            if let last = lines.last, !last.isEmpty, last.count + 1 + word.count > width { lines.append("") }
            lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
        }
        return lines
    }
}

extension ValueType {
    fileprivate func isEmptyByDefault(_ value: Shown) -> Bool {
        if case .or = self { return true }
        if case .list = self { return value == .line("[]") }
        return false
    }
}

enum Reference {
    static func text(of declarations: [Declaration]) -> String {
        """
        # Settings

        Generated from the declarations in `Runtime/Settings`. `outrigger check FILE` names everything that is wrong
        with a file; `outrigger.schema.json` lets an editor do so while you type; `outrigger.yaml` shows every default.

        - **Durations** are a whole number and a unit: `250ms`, `10s`, `5m`, `25h`, `14d`. **Sizes**, likewise: `64MiB`
          (`B`, `KiB`, `MiB`, `GiB`, `TiB`).
        - **Relative paths** start at the file's folder.
        - **A key without a value** counts as if it was not there. An unknown or repeated key is refused. Anchors and
          aliases are not supported.
        - **Environment variables** override single settings: `OUTRIGGER_` and the setting's path in upper case, with
          `_` for dots and dashes. An element of a list of sections goes by its name or its number from 0:
          `OUTRIGGER_STORE_PATH`, `OUTRIGGER_QUEUES_ORDERS_URL`, `OUTRIGGER_QUEUES_0_URL`. Lists of values are written
          with commas. A variable that names no setting is refused.
        - **Changes** take effect by reload, with the next generation, or by restart.

        """ + sections(of: declarations, path: "", title: "Top level").joined(separator: "\n") + "\n"
    }

    private static func sections(of declarations: [Declaration], path: String, title: String) -> [String] {
        var lines = [
            "", "## \(title)", "", "| setting | value | default | change | meaning |", "|---|---|---|---|---|",
        ]
        lines += declarations.map { row($0) }
        for declaration in declarations {
            let inner = path.isEmpty ? declaration.key : path + "." + declaration.key
            switch declaration.type {
            case .section(_, let settings): lines += sections(of: settings, path: inner, title: "`\(inner)`")
            case .sections(_, _, let settings):
                lines += sections(of: settings, path: inner + "[]", title: "`\(inner)[]`")
            case .named(_, _, let settings):
                lines += sections(of: settings, path: inner + ".NAME", title: "`\(inner).NAME`")
            default: continue
            }
        }
        return lines
    }

    private static func row(_ declaration: Declaration) -> String {
        let standard: String
        switch (declaration.isRequired, declaration.standard, declaration.type) {
        case (true, _, _): standard = "**required**"
        case (_, .line(let text)?, _): standard = "`\(text)`"
        case (_, _, .section(isOptional: true, _)): standard = "absent"
        default: standard = ""
        }
        let change =
            switch declaration.type {
            case .section, .sections, .named: ""
            default: declaration.change.rawValue
            }
        let cells = [
            "`\(declaration.key)`", declaration.type.constraint, standard, change, declaration.meaning,
        ]
        return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }
}
