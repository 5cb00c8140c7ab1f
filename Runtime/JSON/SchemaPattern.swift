import CValijson

/// Patterns of ECMA 262, as JSON Schema has them, for a matcher that knows bytes: characters beyond ASCII become groups
/// of their bytes, and the whole text is matched in one pass.
///
/// References back, looking around and classes of characters by property are refused; white space is that of ASCII.
struct SchemaPattern {
    struct Unsupported: Error {
        let why: String
    }

    /// A longer one is no pattern for a configuration; its states are limited as well.
    static let bytesAtMost = 1_024
    /// Each costs one level of the compiler's stack.
    static let groupsAtMost = 32

    static func translated(_ pattern: String) throws(Unsupported) -> String {
        guard pattern.utf8.count <= bytesAtMost, !pattern.utf8.contains(0) else {
            throw Unsupported(why: "more than \(bytesAtMost) bytes, or a NUL")
        }
        var reader = SchemaPattern(rest: Array(pattern.unicodeScalars)[...])
        try reader.read()
        let text = "[\\s\\S]*(?:\(reader.output))[\\s\\S]*"
        guard cvalijson_is_pattern(text) == 1 else { throw Unsupported(why: "not a pattern, or too large a one") }
        return text
    }

    private var rest: ArraySlice<Unicode.Scalar>
    private var output = ""
    private var open = 0

    private init(rest: ArraySlice<Unicode.Scalar>) { self.rest = rest }

    private mutating func read() throws(Unsupported) {
        while let scalar = rest.popFirst() {
            switch scalar {
            case "(": try group()
            case ")":
                open -= 1
                guard open >= 0 else { throw Unsupported(why: "a ) without its (") }
                output += ")"
            case "|", "^", "$": output.unicodeScalars.append(scalar)
            case "*", "+", "?": quantifier(String(scalar))
            case "{": try count()
            case "[": try characterClass()
            case "\\": try escape()
            case ".": output += Self.other(than: "\\n\\r")
            default: literal(scalar)
            }
        }
        guard open == 0 else { throw Unsupported(why: "a ( without its )") }
    }

    private mutating func group() throws(Unsupported) {
        if rest.first == "?" {
            guard rest.dropFirst().first == ":" else { throw Unsupported(why: "(? is supported as (?: alone") }
            rest = rest.dropFirst(2)
        }
        open += 1
        guard open <= Self.groupsAtMost else { throw Unsupported(why: "groups nested too deeply") }
        output += "(?:"
    }

    /// Whether it is greedy makes no difference to whether it matches.
    private mutating func quantifier(_ text: String) {
        output += text
        if rest.first == "?" { rest.removeFirst() }
    }

    private mutating func count() throws(Unsupported) {
        let inner = rest.prefix { $0 != "}" }
        let bounds = inner.split(separator: ",", omittingEmptySubsequences: false).map { bound in
            String(String.UnicodeScalarView(bound))
        }
        let areDigits = bounds.allSatisfy { $0.utf8.count <= 4 && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
        guard inner.endIndex < rest.endIndex, areDigits, bounds.count <= 2, bounds.first?.isEmpty == false else {
            throw Unsupported(why: "a { that is no count")
        }
        rest = rest[(inner.endIndex + 1)...]
        quantifier("{" + bounds.joined(separator: ",") + "}")
    }

    private mutating func literal(_ scalar: Unicode.Scalar) { output += Self.quoted(scalar) }

    private static func quoted(_ scalar: Unicode.Scalar) -> String {
        let isWord = scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_"
        if !scalar.isASCII { return "(?:\(scalar))" }
        return isWord || scalar.value < 33 ? String(scalar) : "\\\(scalar)"
    }

    // MARK: - classes

    private static let digits = "0-9", words = "A-Za-z0-9_", spaces = " \\t\\n\\r\\v\\f"

    /// Any character but those of ASCII that are named. In UTF-8 one beyond ASCII is a leading byte and those that go
    /// on, with which nothing else begins.
    private static func other(than named: String) -> String {
        "(?:[^\(named)\\x80-\\xff]|[\\xc2-\\xf4][\\x80-\\xbf]+)"
    }

    private mutating func escape() throws(Unsupported) {
        guard let scalar = rest.popFirst() else { throw Unsupported(why: "it ends with a \\") }
        switch scalar {
        case "d": output += "[\(Self.digits)]"
        case "w": output += "[\(Self.words)]"
        case "s": output += "[\(Self.spaces)]"
        case "D": output += Self.other(than: Self.digits)
        case "W": output += Self.other(than: Self.words)
        case "S": output += Self.other(than: Self.spaces)
        case "b", "B": output += "\\\(scalar)"
        default: literal(try character(escaped: scalar))
        }
    }

    /// The one character that an escape stands for.
    private mutating func character(escaped scalar: Unicode.Scalar) throws(Unsupported) -> Unicode.Scalar {
        switch scalar {
        case "t": return "\t"
        case "n": return "\n"
        case "r": return "\r"
        case "v": return "\u{B}"
        case "f": return "\u{C}"
        case "x": return try hexadecimal(2)
        case "u": return try hexadecimal(4)
        case "a"..."z", "A"..."Z", "0"..."9": throw Unsupported(why: "\\\(scalar) is not supported")
        default: return scalar
        }
    }

    private mutating func hexadecimal(_ digits: Int) throws(Unsupported) -> Unicode.Scalar {
        let text = String(String.UnicodeScalarView(rest.prefix(digits)))
        guard text.utf8.count == digits, let number = UInt32(text, radix: 16), number > 0,
            let scalar = Unicode.Scalar(number)
        else { throw Unsupported(why: "an escape that is no character") }
        rest = rest.dropFirst(digits)
        return scalar
    }

    private mutating func characterClass() throws(Unsupported) {
        let isNegated = rest.first == "^"
        if isNegated { rest.removeFirst() }
        var ascii = ""
        var others: [Unicode.Scalar] = []
        while let scalar = rest.popFirst(), scalar != "]" {
            guard let first = try member(scalar, &ascii) else { continue }
            if rest.first == "-", let last = rest.dropFirst().first, last != "]" {
                rest = rest.dropFirst(2)
                guard let last = try member(last, &ascii), first.isASCII, last.isASCII, first <= last else {
                    throw Unsupported(why: "a range of characters that is not within ASCII")
                }
                ascii += "\(Self.quoted(first))-\(Self.quoted(last))"
            } else if first.isASCII { ascii += Self.quoted(first) } else { others.append(first) }
        }
        guard !(ascii.isEmpty && others.isEmpty), others.isEmpty || !isNegated else {
            throw Unsupported(why: "an empty class, or [^...] with characters beyond ASCII")
        }
        if isNegated { output += Self.other(than: ascii) } else {
            let choices = (ascii.isEmpty ? [] : ["[\(ascii)]"]) + others.map(Self.quoted)
            output += "(?:" + choices.joined(separator: "|") + ")"
        }
    }

    /// One character of a class; `nil` for a set, which is added.
    private mutating func member(
        _ scalar: Unicode.Scalar, _ ascii: inout String
    ) throws(Unsupported) -> Unicode.Scalar? {
        guard scalar == "\\" else { return scalar }
        guard let escaped = rest.popFirst() else { throw Unsupported(why: "it ends with a \\") }
        switch escaped {
        case "d": ascii += Self.digits
        case "w": ascii += Self.words
        case "s": ascii += Self.spaces
        case "b": return "\u{8}"
        default: return try character(escaped: escaped)
        }
        return nil
    }
}
