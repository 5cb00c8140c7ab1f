import CValijson

/// A JSON Schema (draft 7), read once, to check documents with.
///
/// Everything that draft 7 asserts is taken but for `format`, references to other documents or to themselves, and
/// some patterns; see ``SchemaReader``. What is not taken refuses the schema: nothing is silently ignored.
public final class JSONSchema: Sendable {
    /// What is wrong, and where: in a document, or in the schema itself. It never holds a value of a document.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        /// A JSON Pointer (RFC 6901); empty for the whole.
        public let pointer: String
        public let why: String

        public init(pointer: String, why: String) {
            self.pointer = pointer
            self.why = why
        }

        public var description: String { pointer.isEmpty ? why : "\(pointer): \(why)" }
    }

    /// Problems of one document that are told.
    public static let problemsAtMost = 16

    /// Items that are held against each other for `uniqueItems`, which valijson does pair by pair.
    public static let comparisonsAtMost = 1_000_000

    private let schema: Compiled
    private let comparesItems: Bool

    /// - Throws: where the schema is none, or none that is taken, and why.
    public init(_ schema: JSONValue) throws(Problem) {
        let plain = try SchemaReader.plain(schema)
        guard let text = try? plain.canonical() else { throw Problem(pointer: "", why: "a number that doubles change") }
        self.schema = try Compiled(text)
        comparesItems = text.firstRange(of: Array(#""uniqueItems":true"#.utf8)) != nil
    }

    /// - Throws: also for a text that is no strict JSON.
    public convenience init(parsing text: String) throws(Problem) {
        let value: JSONValue
        do { value = try JSONValue.parse(text) } catch { throw Problem(pointer: "", why: error.description) }
        try self.init(value)
    }

    /// What is wrong with a document, at most ``problemsAtMost``; empty for a valid one.
    public func problems(in document: JSONValue) -> [Problem] {
        guard let text = try? document.canonical() else {
            return [Problem(pointer: "", why: "It has a number that doubles change, or is nested too deeply.")]
        }
        // Lengths are counted by functions that end at a NUL.
        if text.firstRange(of: Array("\\u0000".utf8)) != nil {
            return [Problem(pointer: "", why: "It has a text with a NUL in it.")]
        }
        if comparesItems, Self.pairs(in: document) > Self.comparisonsAtMost {
            return [Problem(pointer: "", why: "It has lists that are too long to compare their items.")]
        }
        return schema.problems(in: text)
    }

    /// In all lists, at whatever depth.
    private static func pairs(in value: JSONValue) -> Int {
        switch value {
        case .array(let elements): elements.reduce(elements.count * elements.count / 2) { $0 + pairs(in: $1) }
        case .object(let members): members.reduce(0) { $0 + pairs(in: $1.value) }
        default: 0
        }
    }

    /// Unchecked: nothing is written to it after it was made.
    private final class Compiled: @unchecked Sendable {
        private let pointer: OpaquePointer

        init(_ text: [UInt8]) throws(Problem) {
            var why = [CChar](repeating: 0, count: 256)
            let made = text.withUnsafeBytes { text in
                cvalijson_new(text.bindMemory(to: CChar.self).baseAddress, text.count, &why, why.count)
            }
            guard let made else {
                let words = why.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
                throw Problem(pointer: "", why: String(decoding: words, as: UTF8.self))
            }
            pointer = made
        }

        deinit { cvalijson_free(pointer) }

        func problems(in text: [UInt8]) -> [Problem] {
            var found: [Problem] = []
            let verdict = text.withUnsafeBytes { text in
                withUnsafeMutablePointer(to: &found) { found in
                    cvalijson_validate(
                        pointer, text.bindMemory(to: CChar.self).baseAddress, text.count, problemsAtMost, found
                    ) { context, pointer, words in
                        guard let context, let pointer, let words else { return }
                        let problem = Problem(pointer: String(cString: pointer), why: String(cString: words))
                        context.assumingMemoryBound(to: [Problem].self).pointee.append(problem)
                    }
                }
            }
            switch verdict {
            case 1: return []
            case 0: return found.isEmpty ? [Problem(pointer: "", why: "It is not allowed.")] : found
            default: return [Problem(pointer: "", why: "It cannot be checked.")]
            }
        }
    }
}
