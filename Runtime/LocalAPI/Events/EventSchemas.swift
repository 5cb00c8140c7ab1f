public import Events
import JSON

/// The schemas that payloads must fit before they are signed, by detail type. One without a schema fits.
public struct EventSchemas: Sendable {
    /// The names of files are detail types: `Payment.Settled.v1.json`.
    public static let suffix = ".json"
    public static let none = EventSchemas()

    private var schemas: [String: JSONSchema] = [:]

    private init() {}

    /// - Parameter files: names and contents; others than `<detail type>.json` are passed over.
    /// - Throws: `settings.invalid` for one that is no JSON Schema, with the file's name.
    public init(_ files: [(name: String, content: Bytes)]) throws(Failure) {
        for (name, content) in files where name.hasSuffix(Self.suffix) && !name.hasPrefix(".") {
            let detailType = String(name.dropLast(Self.suffix.count))
            guard !detailType.isEmpty, Identifier.isText(detailType.utf8) else {
                throw Failure(.settingsInvalid, name, "it is not named after a detail type")
            }
            do throws(JSONSchema.Problem) {
                schemas[detailType] = try JSONSchema(parsing: content.text)
            } catch { throw Failure(.settingsInvalid, name, "no schema: \(error)") }
        }
    }

    public var detailTypes: [String] { schemas.keys.sorted() }

    /// Where a payload breaks the schema of its detail type, and which rule. Never what stands there.
    func violations(of core: Bytes, _ detailType: String) -> [JSONSchema.Problem] {
        guard let schema = schemas[detailType] else { return [] }
        guard let value = try? JSONValue.parse(core) else { return [JSONSchema.Problem(pointer: "", why: "no JSON")] }
        return schema.problems(in: value)
    }
}
