// A second reading of RFC 8259 and RFC 8785, slow and plain, against which the fast one is held.

import Foundation

/// A value as its text says it: numbers as they are written, strings as their bytes.
indirect enum PlainJSON: Equatable {
    case null
    case bool(Bool)
    case number(String)
    case string([UInt8])
    case array([PlainJSON])
    case object([Member])

    struct Member: Equatable {
        let key: [UInt8]
        let value: PlainJSON
    }

    subscript(name: String) -> PlainJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == Array(name.utf8) }?.value
    }

    var bytes: [UInt8]? { if case .string(let bytes) = self { bytes } else { nil } }
    var elements: [PlainJSON]? { if case .array(let elements) = self { elements } else { nil } }
    var members: [Member]? { if case .object(let members) = self { members } else { nil } }

    func isText(_ text: String) -> Bool { self == .string(Array(text.utf8)) }

    /// `nil` for all that is refused: bad grammar, bad UTF-8, a key twice, a number that no double holds, containers
    /// within more than `depth` containers.
    init?(_ text: some Collection<UInt8>, depth: Int) {
        guard String(validating: text, as: UTF8.self) != nil else { return nil }
        var reader = PlainReader(rest: Array(text)[...])
        guard let value = reader.value(depth), reader.isAtEnd else { return nil }
        self = value
    }
}

private struct PlainReader {
    var rest: ArraySlice<UInt8>

    private mutating func skipSpace() {
        while let byte = rest.first, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { rest.removeFirst() }
    }

    var isAtEnd: Bool { rest.allSatisfy { [0x20, 0x09, 0x0A, 0x0D].contains($0) } }

    private mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.utf8) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }

    mutating func value(_ depth: Int) -> PlainJSON? {
        skipSpace()
        defer { skipSpace() }
        switch rest.first {
        case UInt8(ascii: "n"): return take("null") ? .null : nil
        case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "["): return depth > 0 ? array(depth - 1) : nil
        case UInt8(ascii: "{"): return depth > 0 ? object(depth - 1) : nil
        default: return number()
        }
    }

    private mutating func array(_ depth: Int) -> PlainJSON? {
        var elements: [PlainJSON] = []
        rest.removeFirst()
        skipSpace()
        if take("]") { return .array([]) }
        repeat {
            guard let element = value(depth) else { return nil }
            elements.append(element)
        } while take(",")
        return take("]") ? .array(elements) : nil
    }

    private mutating func object(_ depth: Int) -> PlainJSON? {
        var members: [PlainJSON.Member] = []
        var names: Set<[UInt8]> = []
        rest.removeFirst()
        skipSpace()
        if take("}") { return .object([]) }
        repeat {
            skipSpace()
            guard rest.first == UInt8(ascii: "\""), let key = string(), names.insert(key).inserted else { return nil }
            skipSpace()
            guard take(":"), let value = value(depth) else { return nil }
            members.append(PlainJSON.Member(key: key, value: value))
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func string() -> [UInt8]? {
        var text: [UInt8] = []
        rest.removeFirst()
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return text
            case 0..<0x20: return nil
            case UInt8(ascii: "\\"):
                guard let escaped = escape() else { return nil }
                text += escaped
            default: text.append(byte)
            }
        }
        return nil
    }

    private mutating func escape() -> [UInt8]? {
        let letters: [UInt8: UInt8] = [
            0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x62: 0x08, 0x66: 0x0C, 0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09,
        ]
        guard let letter = rest.popFirst() else { return nil }
        if letter != UInt8(ascii: "u") { return letters[letter].map { [$0] } }
        guard let unit = codeUnit() else { return nil }
        if let scalar = Unicode.Scalar(unit) { return Array(String(Character(scalar)).utf8) }
        guard unit < 0xDC00, take("\\u"), let low = codeUnit(), (0xDC00...0xDFFF).contains(low) else { return nil }
        let point = 0x10000 + (UInt32(unit) - 0xD800) * 0x400 + UInt32(low) - 0xDC00
        return Unicode.Scalar(point).map { Array(String(Character($0)).utf8) }
    }

    private mutating func codeUnit() -> UInt16? {
        let digits = rest.prefix(4)
        rest = rest.dropFirst(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
        return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private mutating func number() -> PlainJSON? {
        let start = rest
        _ = take("-")
        if !take("0"), digits() == 0 { return nil }
        if take("."), digits() == 0 { return nil }
        if take("e") || take("E") {
            _ = take("+") || take("-")
            if digits() == 0 { return nil }
        }
        let literal = String(decoding: start[..<rest.startIndex], as: UTF8.self)
        let mantissa = literal.prefix { $0 != "e" && $0 != "E" }
        let isNothing = !mantissa.contains { ("1"..."9").contains($0) }
        let value = strtod(literal, nil)
        return value.isFinite && (value != 0 || isNothing) ? .number(literal) : nil
    }

    private mutating func digits() -> Int {
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        rest = rest.dropFirst(digits.count)
        return digits.count
    }
}

// MARK: - RFC 8785

extension PlainJSON {
    /// `nil` where an integer is written that no double holds.
    var canonical: [UInt8]? {
        switch self {
        case .null: return Array("null".utf8)
        case .bool(let value): return Array("\(value)".utf8)
        case .number(let literal): return Self.canonical(number: literal).map { Array($0.utf8) }
        case .string(let bytes): return Self.canonical(string: bytes)
        case .array(let elements):
            let texts = elements.compactMap(\.canonical)
            return texts.count == elements.count ? [0x5B] + texts.joined(separator: [0x2C]) + [0x5D] : nil
        case .object(let members):
            let sorted = members.sorted { a, b in
                let (a, b) = (String(decoding: a.key, as: UTF8.self), String(decoding: b.key, as: UTF8.self))
                return a.utf16.lexicographicallyPrecedes(b.utf16)
            }
            let texts = sorted.compactMap { member in
                member.value.canonical.map { Self.canonical(string: member.key) + [0x3A] + $0 }
            }
            return texts.count == members.count ? [0x7B] + texts.joined(separator: [0x2C]) + [0x7D] : nil
        }
    }

    private static func canonical(string bytes: [UInt8]) -> [UInt8] {
        let short: [UInt8: String] = [
            0x22: "\\\"", 0x5C: "\\\\", 0x08: "\\b", 0x0C: "\\f", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t",
        ]
        let inner = bytes.flatMap { byte -> [UInt8] in
            if let escape = short[byte] { return Array(escape.utf8) }
            if byte >= 0x20 { return [byte] }
            let digits = String(byte, radix: 16)
            return Array("\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
        }
        return [0x22] + inner + [0x22]
    }

    private static func canonical(number literal: String) -> String? {
        let text = ecmaScript(strtod(literal, nil))
        let isInteger = !literal.contains { ".eE".contains($0) }
        return isInteger && text != literal && literal != "-0" ? nil : text
    }

    /// ECMA-262, Number::toString: the digits that Swift finds, laid out as JavaScript does.
    static func ecmaScript(_ value: Double) -> String {
        if value == 0 { return "0" }
        if value < 0 { return "-" + ecmaScript(-value) }
        let parts = value.description.split(separator: "e")
        let (whole, fraction) = {
            let halves = parts[0].split(separator: ".")
            return (halves[0], halves.count > 1 && halves[1] != "0" ? halves[1] : "")
        }()
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let written = whole + fraction
        let leading = written.prefix { $0 == "0" }.count
        let digits = String(written.dropFirst(leading).reversed().drop { $0 == "0" }.reversed())
        let (n, k) = (whole.count - leading + exponent, digits.count)
        if k <= n, n <= 21 { return digits + String(repeating: "0", count: n - k) }
        if 0 < n, n <= 21 { return digits.prefix(n) + "." + digits.dropFirst(n) }
        if -6 < n, n <= 0 { return "0." + String(repeating: "0", count: -n) + digits }
        let mantissa = k == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst()
        return mantissa + "e" + (n > 0 ? "+" : "-") + String(abs(n - 1))
    }
}
