import JSON
import Testing

/// What is refused, as what, and at which byte.
struct StrictnessTests {
    struct Case: Sendable {
        let text: [UInt8]
        let kind: JSONError.Kind
        let offset: Int
        init(_ text: String, _ kind: JSONError.Kind, at offset: Int) {
            self.init(Array(text.utf8), kind, at: offset)
        }
        init(_ text: [UInt8], _ kind: JSONError.Kind, at offset: Int) {
            self.text = text
            self.kind = kind
            self.offset = offset
        }
    }

    static let cases = [
        Case("", .empty, at: 0), Case("  \n", .empty, at: 3),
        Case("\u{FEFF}{}", .byteOrderMark, at: 0),
        Case(#"{"a":1,"a":2}"#, .duplicateKey, at: 7),
        Case(#"{"a":1,"\u0061":2}"#, .duplicateKey, at: 7),
        Case(#"{"x":{"é":1,"b":2,"\u00e9":3}}"#, .duplicateKey, at: 19),
        Case(#"[1,]"#, .unexpected, at: 3), Case(#"{"a":1,}"#, .unexpected, at: 7),
        Case(#"[01]"#, .badNumber, at: 1), Case(#"[-]"#, .badNumber, at: 2), Case(#"[1.]"#, .badNumber, at: 2),
        Case(#"[1e]"#, .badNumber, at: 2), Case(#"[1x]"#, .badNumber, at: 2), Case(#"[+1]"#, .unexpected, at: 1),
        Case(#"[1e400]"#, .numberRange, at: 1), Case(#"[-1e400]"#, .numberRange, at: 1),
        Case(#"[1e-400]"#, .numberRange, at: 1),
        Case("1" + String(repeating: "0", count: 400), .numberRange, at: 0),
        Case(#"["\ud800"]"#, .loneSurrogate, at: 2), Case(#"["a\udc00"]"#, .loneSurrogate, at: 3),
        Case(#"["\ud800\ud800"]"#, .loneSurrogate, at: 2), Case(#"["\ud800\n"]"#, .loneSurrogate, at: 2),
        Case(#"["\x"]"#, .badEscape, at: 2), Case(#"["\u12g4"]"#, .badEscape, at: 2),
        Case([0x5B, 0x22, 0xFF, 0x22, 0x5D], .badUTF8, at: 2),
        Case([0x5B, 0x22, 0xC0, 0xAF, 0x22, 0x5D], .badUTF8, at: 2),
        Case([0x5B, 0x22, 0x61, 0xED, 0xA0, 0x80, 0x22, 0x5D], .badUTF8, at: 3),
        Case("[\"a\nb\"]", .badString, at: 3), Case(#"["abc"#, .badString, at: 1),
        Case(#"{} {}"#, .unexpected, at: 3), Case(#"{}x"#, .unexpected, at: 2), Case("1 2", .unexpected, at: 2),
        Case(#"{"a" 1}"#, .unexpected, at: 5), Case(#"{"a":}"#, .unexpected, at: 5), Case("{1:2}", .unexpected, at: 1),
        Case("[1}", .unexpected, at: 2), Case("]", .unexpected, at: 0), Case(#"{"a":1]"#, .unexpected, at: 6),
        Case(#"{"a":1"#, .incomplete, at: 6), Case("[[]", .incomplete, at: 3),
        Case("[True]", .unexpected, at: 1), Case("[nul]", .unexpected, at: 1), Case("[\u{0}]", .unexpected, at: 1),
        Case("[1\u{C}]", .unexpected, at: 2), Case(#"["a""b"]"#, .unexpected, at: 4),
        Case(#"["a"b]"#, .unexpected, at: 4),
        Case(#"[1"a b"]"#, .badNumber, at: 2),
    ]

    @Test(arguments: cases) func refuses(_ example: Case) {
        #expect(throws: JSONError(example.kind, at: example.offset)) { try JSONValue.parse(example.text) }
    }

    @Test func countsContainersNotValues() throws {
        let deep = String(repeating: "[", count: 64) + "1" + String(repeating: "]", count: 64)
        #expect(try JSONValue.parse(deep, depth: 64) != .null)
        #expect(throws: JSONError(.tooDeep, at: 63)) { try JSONValue.parse(deep, depth: 63) }
        #expect(throws: JSONError(.tooDeep, at: 0)) { try JSONValue.parse("[]", depth: 0) }
        #expect(try JSONValue.parse("7", depth: 0) == 7)
    }

    @Test func survivesAnyDepth() {
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(throws: JSONError(.tooDeep, at: JSONDocument.deepest)) { try JSONValue.parse(deep, depth: .max) }
    }

    @Test func findsADuplicateAmongManyKeys() throws {
        let members = (0..<20_000).map { "\"k\($0)\":0" }
        #expect(try JSONDocument(Array("{\(members.joined(separator: ","))}".utf8)).root.count == 20_000)
        let text = "{\(members.joined(separator: ",")),\"\\u006b777\":1}"
        #expect(throws: JSONError(.duplicateKey, at: text.utf8.count - 14)) { try JSONValue.parse(text) }
    }

    /// Every text that one changed, lost or doubled byte makes of a good one is read or refused, and what is read
    /// is written and read again as itself.
    @Test func survivesDamage() throws {
        let good = Array(#"{"a":[1,-2.5e3,"x\u00e9\ud834\udd1e\n"],"b":{"c":null,"d":[true,false,{}]},"é":" "}"#.utf8)
        var generator = SplitMix(seed: 7)
        for _ in 0..<20_000 {
            var text = good
            for _ in 0...Int.random(in: 0...2, using: &generator) {
                let at = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: text[at] = UInt8.random(in: 0...255, using: &generator)
                case 1: text.remove(at: at)
                default: text.insert(text[at], at: at)
                }
            }
            guard let value = try? JSONValue.parse(text) else { continue }
            #expect(try JSONValue.parse(value.serialised()) == value)
        }
    }
}
