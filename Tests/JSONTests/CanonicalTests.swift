import JSON
import Support
import Testing

/// RFC 8785.
struct CanonicalTests {
    static let samples = ["arrays", "french", "structures", "unicode", "values", "weird"]

    @Test(arguments: samples) func writesTheSamples(_ name: String) throws {
        let input = try Fixtures.data("jcs/input/\(name).json")
        let output = try Fixtures.data("jcs/output/\(name).json")
        let hexadecimal = try Fixtures.text("jcs/outhex/\(name).txt").split(whereSeparator: \.isWhitespace)
            .compactMap { UInt8($0, radix: 16) }
        #expect(output == hexadecimal)
        #expect(try JSONValue.parse(input).canonical() == output)
        let node = try JSONDocument(input).root
        #expect(try node.canonical() == output)
        #expect(node.isCanonically(output[...]))
        #expect(!node.isCanonical)
        #expect(try JSONDocument(output).root.isCanonical)
    }

    @Test func writesNumbersAsECMAScript() throws {
        let lines = try Fixtures.text("jcs/es6numbers-3000.txt").split(separator: "\n")
        #expect(lines.count == 3000)
        for line in lines {
            let parts = line.split(separator: ",")
            let bits = try #require(UInt64(parts[0], radix: 16))
            #expect(try JSONValue.double(Double(bitPattern: bits)).canonical() == Array(parts[1].utf8))
            #expect(try JSONDocument(Array(parts[1].utf8)).root.isCanonical, "\(line)")
        }
    }

    struct Example: Sendable {
        let text: String
        let canonical: String?
    }
    static let examples = [
        Example(text: "-0", canonical: "0"), Example(text: "-0.0", canonical: "0"),
        Example(text: "1.0", canonical: "1"),
        Example(text: "1E2", canonical: "100"), Example(text: "9007199254740992", canonical: "9007199254740992"),
        Example(text: "9007199254740993", canonical: nil), Example(text: "18446744073709551616", canonical: nil),
        Example(text: "123456789012345678901234567890", canonical: nil),
        Example(text: "333333333.33333329", canonical: "333333333.3333333"),
        Example(text: #""\/\u00e9\u007f\u001F\u2028""#, canonical: "\"/é\u{7F}\\u001f\u{2028}\""),
        Example(
            text: #"{"\uFB33":1,"\uD800\uDC00":2,"\uD7FF":3}"#,
            canonical: "{\"\u{D7FF}\":3,\"\u{10000}\":2,\"\u{FB33}\":1}"),
        Example(text: #"{"aa":1,"a":2,"":3}"#, canonical: #"{"":3,"a":2,"aa":1}"#),
        Example(text: " [ ] ", canonical: "[]"), Example(text: "{ }", canonical: "{}"),
    ]

    @Test(arguments: examples) func canonicalises(_ example: Example) throws {
        let node = try JSONDocument(Array(example.text.utf8)).root
        if let canonical = example.canonical {
            #expect(try String(decoding: node.canonical(), as: UTF8.self) == canonical)
            #expect(node.isCanonical == (example.text == canonical))
            #expect(try JSONDocument(Array(canonical.utf8)).root.isCanonical)
        } else {
            #expect(throws: JSONError(.notInteroperable)) { try node.canonical() }
            #expect(!node.isCanonical)
        }
    }

    @Test(arguments: [
        "[1, 2]", "[1,2 ]", "[ ]", "{ }", #"{"b":1,"a":2}"#, #"{"a": 1}"#, #"{"a" :1}"#, #"["\u0061"]"#, #"["\u001F"]"#,
        #"["\/"]"#, "[1.0]", "[1e2]", "[-0]", "[100000000000000000000000]",
    ])
    func knowsWhatIsNotCanonical(_ text: String) throws {
        #expect(try !JSONDocument(Array(text.utf8)).root.isCanonical)
    }

    @Test func refusesWhatItWouldHaveToChange() {
        #expect(throws: JSONError(.notInteroperable)) { try JSONValue.integer(9_007_199_254_740_993).canonical() }
        #expect(throws: JSONError(.notFinite)) { try JSONValue.double(.infinity).canonical() }
        #expect(throws: JSONError(.notFinite)) { try JSONValue.double(.nan).canonical() }
        let twins = JSONValue.object([JSONMember("a", 1), JSONMember("b", 2), JSONMember("a", 3)])
        #expect(throws: JSONError(.duplicateKey)) { try twins.canonical() }
    }

    @Test func sameWhateverTheRoute() throws {
        var generator = SplitMix(seed: 8785)
        for _ in 0..<300 {
            let value = JSONValue.random(depth: 3, using: &generator)
            let text = value.serialised()
            #expect(try JSONValue.parse(text) == value)
            let document = try JSONDocument(text)
            guard let canonical = try? value.canonical() else {
                #expect(throws: JSONError.self) { try document.root.canonical() }
                continue
            }
            #expect(try document.root.canonical() == canonical)
            #expect(document.root.isCanonically(canonical[...]))
            let again = try JSONDocument(canonical)
            #expect(again.root.isCanonical)
            #expect(try again.root.canonical() == canonical)
            #expect(try again.root.value.canonical() == canonical)
            #expect(again.root.says(theSameAs: document.root))
        }
    }
}
