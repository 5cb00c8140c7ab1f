// A JSON Schema, as a plugin brings it, 0, and a value to be held against it.

@testable import JSON

extension Target {
    static let schema = Target(name: "schema") { input in
        let parts = parts(of: input, atMost: 2)
        let text = String(decoding: parts[0], as: UTF8.self)
        guard let schema = try? JSONSchema(parsing: text) else { return "refused" }
        guard parts.count > 1, let value = try? JSONValue.parse(parts[1]) else { return "read" }
        let problems = schema.problems(in: value)
        try demand(problems == schema.problems(in: value), "another answer to the same question")
        return problems.isEmpty ? "fits" : "does not fit"
    }
}
