import Events
import JSON

/// Details that nobody would send: made from ordinary ones, under a seed.
///
/// All are JSON, since what is not never reaches a handler.
struct Mutation: Sendable {
    private var numbers: SeededGenerator

    init(seed: UInt64) { numbers = SeededGenerator(seed: seed) }

    /// A value with one to four changes, or now and then another value altogether.
    mutating func changed(_ value: JSONValue) -> JSONValue {
        if Int.random(in: 0..<16, using: &numbers) == 0 { return odd() }
        var value = value
        for _ in 0..<Int.random(in: 1...4, using: &numbers) { value = changedOnce(value, depth: 0) }
        return value
    }

    private mutating func changedOnce(_ value: JSONValue, depth: Int) -> JSONValue {
        if depth < 32, Int.random(in: 0..<4, using: &numbers) > 0 {
            if case .object(var members) = value, let index = members.indices.randomElement(using: &numbers) {
                members[index].value = changedOnce(members[index].value, depth: depth + 1)
                return .object(members)
            }
            if case .array(var elements) = value, let index = elements.indices.randomElement(using: &numbers) {
                elements[index] = changedOnce(elements[index], depth: depth + 1)
                return .array(elements)
            }
        }
        return replaced(value)
    }

    private mutating func replaced(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(var members):
            switch Int.random(in: 0..<4, using: &numbers) {
            case 0 where !members.isEmpty: members.remove(at: Int.random(in: 0..<members.count, using: &numbers))
            case 1: members.append(JSONMember("extra-\(members.count)", odd()))
            default: return odd()
            }
            return .object(members)
        case .array(let elements):
            switch Int.random(in: 0..<4, using: &numbers) {
            case 0: return .array(Array(elements.dropLast()))
            case 1: return .array(elements + elements + [odd()])
            default: return odd()
            }
        case .string(let text): return Int.random(in: 0..<3, using: &numbers) == 0 ? odd() : .string(changed(text))
        case .integer(let number):
            return [.integer(-number), .integer(number &+ 1), .integer(0), .string(String(number)), odd()]
                .randomElement(using: &numbers) ?? .null
        default: return odd()
        }
    }

    private mutating func changed(_ text: String) -> String {
        let odd = Self.texts.randomElement(using: &numbers) ?? ""
        switch Int.random(in: 0..<5, using: &numbers) {
        case 0: return String(text.dropLast(Int.random(in: 0...text.count, using: &numbers)))
        case 1: return text + odd
        case 2: return odd + text
        case 3: return String(repeating: text, count: Int.random(in: 2...40, using: &numbers))
        default: return odd
        }
    }

    private mutating func odd() -> JSONValue { Self.values.randomElement(using: &numbers) ?? .null }

    // MARK: - odd values, in order

    static let texts = [
        "", " ", "0", "-1", "1e400", "NaN", "true", "null", "%s%n%n", "../../../etc/passwd", "';--", "{/}", "a:b",
        "\u{0}", "\u{1}\u{7f}", "\n", "\u{FEFF}", "\u{202E}", "e\u{301}", "é", "\u{1F4A9}", "\u{10FFFF}",
        String(repeating: "x", count: 64), String(repeating: "x", count: 255), String(repeating: "x", count: 4_097),
        String(repeating: "\u{1F4A9}", count: 300),
    ]

    static let values: [JSONValue] =
        [
            .null, .bool(true), .bool(false), .integer(0), .integer(-1), .integer(1), .integer(255), .integer(65_536),
            .integer(2_147_483_648), .integer(9_007_199_254_740_991), .integer(-9_007_199_254_740_991),
            .double(0.1), .double(1e300), .double(-1e-300), .array([]), .object([]), .array([.null]),
            .object([JSONMember("", .null)]), .array(Array(repeating: .integer(0), count: 1_000)),
            .object((0..<300).map { JSONMember("member-\($0)", .integer(Int64($0))) }), nested(48),
        ] + texts.map { .string($0) }

    static func nested(_ depth: Int) -> JSONValue {
        (0..<depth).reduce(.string("deep")) { value, level in level % 2 == 0 ? [value] : ["in": value] }
    }

    /// What a detail becomes when each of its members in turn is missing, or of another kind.
    static func neighbours(of value: JSONValue, atMost most: Int) -> [JSONValue] {
        var found: [JSONValue] = []
        guard case .object(let members) = value else { return [] }
        for (index, member) in members.enumerated() {
            var fewer = members
            fewer.remove(at: index)
            found.append(.object(fewer))
            for other: JSONValue in [.null, .integer(-1), .string(""), .array([]), .object([]), .array([.array([])])] {
                var changed = members
                changed[index].value = other
                found.append(.object(changed))
            }
            for inner in neighbours(of: member.value, atMost: most / 2) {
                var changed = members
                changed[index].value = inner
                found.append(.object(changed))
            }
        }
        return Array(found.prefix(most))
    }

    /// Simpler values, the simplest first: what a failing detail is cut down to.
    static func simpler(than value: JSONValue) -> [JSONValue] {
        switch value {
        case .null: return []
        case .bool, .integer, .double: return [.null]
        case .string(let text):
            if text.isEmpty { return [] }
            let half = String(text.prefix(text.count / 2))
            return [.string(""), .string(half)] + (text.count > 1 ? [.string(String(text.dropLast()))] : [])
        case .array(let elements):
            if elements.isEmpty { return [] }
            var found: [JSONValue] = [.array([]), .array(Array(elements.prefix(elements.count / 2)))]
            for index in elements.indices.prefix(20) {
                var fewer = elements
                fewer.remove(at: index)
                found.append(.array(fewer))
            }
            for index in elements.indices.prefix(20) {
                for simpler in simpler(than: elements[index]) {
                    var changed = elements
                    changed[index] = simpler
                    found.append(.array(changed))
                }
            }
            return found
        case .object(let members):
            if members.isEmpty { return [] }
            var found: [JSONValue] = [.object([]), .object(Array(members.prefix(members.count / 2)))]
            for index in members.indices.prefix(20) {
                var fewer = members
                fewer.remove(at: index)
                found.append(.object(fewer))
            }
            for index in members.indices.prefix(20) {
                for simpler in simpler(than: members[index].value) {
                    var changed = members
                    changed[index].value = simpler
                    found.append(.object(changed))
                }
            }
            return found
        }
    }
}
