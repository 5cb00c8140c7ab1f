import Events
import JSON

/// A handler's configuration against the schema that its plugin declares: after the worker's hello, before `create`.
enum ConfigurationCheck {
    /// What is told of all problems together.
    private static let bytesAtMost = 1_024

    /// - Parameter schema: JSON Schema, or empty.
    /// - Throws: `plugin.schema-invalid`, `plugin.config-invalid`. Neither holds a value of the configuration.
    static func check(_ options: HandlerOptions, against schema: String) throws(Failure) {
        guard !schema.isEmpty else { return }
        let rules: JSONSchema
        do throws(JSONSchema.Problem) { rules = try JSONSchema(parsing: schema) } catch {
            throw Failure(.pluginSchemaInvalid, options.id.text, cut(error.description))
        }
        guard let configuration = try? JSONValue.parse(options.configuration) else {
            throw Failure(.pluginConfigInvalid, options.id.text, "it is not JSON")
        }
        let problems = rules.problems(in: configuration)
        guard problems.isEmpty else {
            let words = problems.map(\.description).joined(separator: " ")
            throw Failure(.pluginConfigInvalid, options.id.text, cut(words))
        }
    }

    /// Keys are the configuration's own, so a hostile one may be long.
    private static func cut(_ words: String) -> String {
        words.utf8.count <= bytesAtMost
            ? words.printable : String(decoding: words.utf8.prefix(bytesAtMost), as: UTF8.self).printable + "..."
    }
}
