// From a schema as its author writes it to one that valijson reads exactly as draft 7 means it.

/// Refuses what would be ignored, and makes the rest plain: references are put in place, annotations left out.
///
/// A reference to itself is refused, so that every check ends, and so is a schema that grows beyond `schemasAtMost`.
struct SchemaReader {
    static let schemasAtMost = 4_096
    /// References to references, and so on: each costs stack.
    static let referencesAtMost = 32
    /// The remainders of smaller ones drown in the rounding of doubles.
    static let leastDivisor = 0.0001

    private let root: JSONValue
    private var schemas = 0
    private var references: [String] = []

    static func plain(_ schema: JSONValue) throws(JSONSchema.Problem) -> JSONValue {
        var reader = SchemaReader(root: schema)
        return try reader.schema(schema, "")
    }

    private init(root: JSONValue) { self.root = root }

    private func refused(_ pointer: String, _ why: String) -> JSONSchema.Problem {
        JSONSchema.Problem(pointer: pointer, why: why)
    }

    // MARK: - one schema

    private mutating func schema(_ value: JSONValue, _ pointer: String) throws(JSONSchema.Problem) -> JSONValue {
        schemas += 1
        guard schemas <= Self.schemasAtMost else { throw refused("", "more than \(Self.schemasAtMost) schemas in it") }
        if value.bool != nil { return value }
        guard let members = value.members else { throw refused(pointer, "a schema is an object or a boolean") }
        if let reference = value["$ref"] { return try resolved(reference, beside: members, pointer) }
        var plain: [JSONMember] = []
        var numbers: [JSONMember] = []
        for member in members {
            let place = pointer + "/" + Self.escaped(member.key)
            guard let keyword = Keyword(rawValue: member.key) else {
                throw refused(place, "this keyword is not supported")
            }
            guard let read = try self.keyword(keyword, member.value, place) else { continue }
            if keyword == .multipleOf { numbers.append(JSONMember(member.key, read)) } else {
                plain.append(JSONMember(member.key, read))
            }
        }
        return Self.joined(plain, numbers)
    }

    /// valijson asks `multipleOf` of strings, too, knows no `if` alone, and wants `additionalItems` beside a list.
    private static func joined(_ members: [JSONMember], _ numbers: [JSONMember]) -> JSONValue {
        var plain = JSONValue.object(members)
        if plain["then"] == nil && plain["else"] == nil { plain["if"] = nil }
        if plain["if"] == nil { (plain["then"], plain["else"]) = (nil, nil) }
        if plain["items"]?.array == nil { plain["additionalItems"] = nil }
        guard !numbers.isEmpty else { return plain }
        let guarded: JSONValue = ["if": ["type": "number"], "then": .object(numbers)]
        return ["allOf": [guarded, plain]]
    }

    private mutating func resolved(
        _ reference: JSONValue, beside members: [JSONMember], _ pointer: String
    ) throws(JSONSchema.Problem) -> JSONValue {
        if let other = members.first(where: { Keyword(rawValue: $0.key)?.isAnnotation != true && $0.key != "$ref" }) {
            throw refused(pointer + "/" + Self.escaped(other.key), "nothing counts beside a $ref in draft 7")
        }
        guard let text = reference.string, text.hasPrefix("#") else {
            throw refused(pointer + "/$ref", "only references within the schema are followed: #/definitions/...")
        }
        guard let target = Self.fragment(text), let path = try? JSONPointer(parsing: target), let value = root.at(path)
        else { throw refused(pointer + "/$ref", "it refers to nothing in this schema") }
        guard !references.contains(target) else { throw refused(pointer + "/$ref", "it refers to itself") }
        guard references.count < Self.referencesAtMost else { throw refused(pointer + "/$ref", "too many in a row") }
        references.append(target)
        defer { references.removeLast() }
        return try schema(value, target)
    }

    /// What stands behind the `#`, with its percent-encoding undone.
    private static func fragment(_ text: String) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8.dropFirst()
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func escaped(_ key: String) -> String {
        key.replacing("~", with: "~0").replacing("/", with: "~1")
    }

    // MARK: - keywords

    private enum Keyword: String {
        case schema = "$schema", identifier = "$id", comment = "$comment", title, description, `default`, examples
        case readOnly, writeOnly, definitions
        case type, `enum`, const, multipleOf, maximum, exclusiveMaximum, minimum, exclusiveMinimum
        case maxLength, minLength, pattern, items, additionalItems, maxItems, minItems, uniqueItems, contains
        case maxProperties, minProperties, required, properties, patternProperties, additionalProperties
        case dependencies, propertyNames, `if`, then, `else`, allOf, anyOf, oneOf, not

        var isAnnotation: Bool {
            switch self {
            case .schema, .identifier, .comment, .title, .description, .default, .examples, .readOnly, .writeOnly: true
            case .definitions: true
            default: false
            }
        }
    }

    /// The value that valijson gets; `nil` for an annotation.
    private mutating func keyword(
        _ keyword: Keyword, _ value: JSONValue, _ place: String
    ) throws(JSONSchema.Problem) -> JSONValue? {
        switch keyword {
        case .schema:
            guard let text = value.string, text.hasPrefix("http://json-schema.org/draft-07/schema") else {
                throw refused(place, "only draft 7 is supported: http://json-schema.org/draft-07/schema#")
            }
            return nil
        case .identifier:
            guard place == "/$id" else { throw refused(place, "only the whole schema may have an $id") }
            return nil
        case .comment, .title, .description, .default, .examples, .readOnly, .writeOnly: return nil
        case .definitions:
            _ = try schemas(under: value, place)
            return nil
        case .type: return try type(value, place)
        case .enum:
            guard let values = value.array, !values.isEmpty else { throw refused(place, "it must be a list of values") }
            return try withoutNUL(value, place)
        case .const: return try withoutNUL(value, place)
        case .multipleOf:
            guard let number = value.double, number >= Self.leastDivisor else {
                throw refused(place, "it must be a number from \(Self.leastDivisor)")
            }
            return value
        case .maximum, .exclusiveMaximum, .minimum, .exclusiveMinimum:
            guard value.double != nil else { throw refused(place, "it must be a number") }
            return value
        case .maxLength, .minLength, .maxItems, .minItems, .maxProperties, .minProperties:
            return try count(value, place)
        case .uniqueItems:
            guard value.bool != nil else { throw refused(place, "it must be true or false") }
            return value
        case .pattern: return .string(try pattern(value.string, place))
        case .required: return try names(value, place)
        default: return try applicator(keyword, value, place)
        }
    }

    private mutating func applicator(
        _ keyword: Keyword, _ value: JSONValue, _ place: String
    ) throws(JSONSchema.Problem) -> JSONValue {
        switch keyword {
        case .properties: return .object(try schemas(under: value, place))
        case .patternProperties:
            var members: [JSONMember] = []
            for member in try schemas(under: value, place) {
                members.append(JSONMember(try pattern(member.key, place), member.value))
            }
            return .object(members)
        case .dependencies:
            guard let members = value.members else { throw refused(place, "it must be an object") }
            var read: [JSONMember] = []
            for member in members {
                let place = place + "/" + Self.escaped(member.key)
                let isList = member.value.array != nil
                read.append(
                    JSONMember(member.key, isList ? try names(member.value, place) : try schema(member.value, place)))
            }
            return .object(read)
        case .allOf, .anyOf, .oneOf: return .array(try schemas(in: value, place))
        case .items where value.array != nil: return .array(try schemas(in: value, place, orNone: true))
        default: return try schema(value, place)
        }
    }

    private mutating func schemas(
        under value: JSONValue, _ place: String
    ) throws(JSONSchema.Problem) -> [JSONMember] {
        guard let members = value.members else { throw refused(place, "it must be an object of schemas") }
        var read: [JSONMember] = []
        for member in members {
            guard !member.key.utf8.contains(0) else { throw refused(place, "a name with a NUL in it") }
            read.append(JSONMember(member.key, try schema(member.value, place + "/" + Self.escaped(member.key))))
        }
        return read
    }

    private mutating func schemas(
        in value: JSONValue, _ place: String, orNone: Bool = false
    ) throws(JSONSchema.Problem) -> [JSONValue] {
        guard let values = value.array, orNone || !values.isEmpty else {
            throw refused(place, "it must be a list of schemas")
        }
        var read: [JSONValue] = []
        for (index, value) in values.enumerated() { read.append(try schema(value, "\(place)/\(index)")) }
        return read
    }

    // MARK: - values

    private static let types = ["null", "boolean", "object", "array", "number", "string", "integer"]

    private func type(_ value: JSONValue, _ place: String) throws(JSONSchema.Problem) -> JSONValue {
        let names = value.array ?? [value]
        guard !names.isEmpty, names.allSatisfy({ Self.types.contains($0.string ?? "") }) else {
            throw refused(place, "it must be one or more of \(Self.types.joined(separator: ", "))")
        }
        return value
    }

    private func count(_ value: JSONValue, _ place: String) throws(JSONSchema.Problem) -> JSONValue {
        guard let number = value.double, number >= 0, let count = Int64(exactly: number) else {
            throw refused(place, "it must be a whole number, 0 or more")
        }
        return .integer(count)
    }

    private func names(_ value: JSONValue, _ place: String) throws(JSONSchema.Problem) -> JSONValue {
        guard let names = value.array, names.allSatisfy({ $0.string != nil }) else {
            throw refused(place, "it must be a list of names")
        }
        return try withoutNUL(value, place)
    }

    private func withoutNUL(_ value: JSONValue, _ place: String) throws(JSONSchema.Problem) -> JSONValue {
        guard value.serialised().firstRange(of: Array("\\u0000".utf8)) == nil else {
            throw refused(place, "a text with a NUL in it")
        }
        return value
    }

    private func pattern(_ text: String?, _ place: String) throws(JSONSchema.Problem) -> String {
        guard let text else { throw refused(place, "it must be a text") }
        do throws(SchemaPattern.Unsupported) { return try SchemaPattern.translated(text) } catch {
            throw refused(place, error.why)
        }
    }
}
