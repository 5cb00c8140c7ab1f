import JSON
import Testing

/// Strings are searched by words and by vectors: what is looked for stands at each place of one.
@Suite struct EscapeTests {
    static let special: [(character: String, text: String)] = [
        ("\"", "\\\""), ("\\", "\\\\"), ("\u{8}", "\\b"), ("\t", "\\t"), ("\n", "\\n"), ("\u{C}", "\\f"),
        ("\r", "\\r"), ("\u{0}", "\\u0000"), ("\u{1F}", "\\u001f"),
    ]

    @Test func aSpecialCharacterIsEscapedWhereverItStands() throws {
        for (character, text) in Self.special {
            for place in 0...70 {
                let (before, after) = (String(repeating: "a", count: place), String(repeating: "é~", count: 70 - place))
                let value = JSONValue.string(before + character + after)
                let written = value.serialised()
                #expect(written == Array("\"\(before)\(text)\(after)\"".utf8))
                #expect(try JSONValue.parse(written) == value)
            }
        }
    }

    @Test func whatNeedsNoEscapeHasNone() {
        let plain = (0x20...0x7F).map { String(Character(Unicode.Scalar(UInt8($0)))) }.joined()
            .replacing("\"", with: "").replacing("\\", with: "") + "\u{80}\u{A2}\u{7FF}\u{FFFF}\u{10FFFF}"
        for start in 0..<16 {
            let text = String(plain.dropFirst(start))
            #expect(JSONValue.string(text).serialised() == Array("\"\(text)\"".utf8))
        }
    }

    @Test func escapesAreUndoneWhereverTheyStand() throws {
        for escape in ["\\\"", "\\u00e9", "\\ud83d\\ude00", "\\\\\\\\\\n"] {
            let plain = try #require(try JSONDocument(Array("\"\(escape)\"".utf8)).root.string)
            for before in 0...70 {
                for after in [0, 1, 31, 32, 33, 70] {
                    let a = String(repeating: "x", count: before)
                    let b = String(repeating: "y", count: after)
                    let document = try JSONDocument(Array("[\"\(a)\(escape)\(b)\(escape)\"]".utf8))
                    #expect(document.root.elements.first?.string == a + plain + b + plain)
                }
            }
        }
    }

    @Test func aWriterPutsTogetherWhatParses() throws {
        var writer = JSONWriter(reserving: 8)
        writer.write("{\"n\":")
        writer.write(number: 7)
        writer.write(",\"m\":")
        writer.write(number: -1234)
        writer.write(",\"s\":")
        writer.write(string: "a\"b")
        writer.write("}")
        #expect(try JSONValue.parse(writer.bytes) == ["n": 7, "m": -1234, "s": "a\"b"])
    }

    @Test(arguments: [
        ("\"0\"", 0), ("\"007\"", 7), ("\"999999999999999999\"", 999_999_999_999_999_999),
        ("\"1000000000000000000\"", nil), ("\"\"", nil), ("\"-1\"", nil), ("\"+1\"", nil), ("\"1 \"", nil),
        ("\"1a\"", nil), ("\"\\u0031\"", 1), ("12", nil), ("null", nil),
    ] as [(String, Int64?)])
    func aNumberInAStringIsDigitsAlone(text: String, number: Int64?) throws {
        #expect(try JSONDocument(Array(text.utf8)).root.digits == number)
    }
}
