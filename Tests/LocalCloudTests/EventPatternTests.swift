import Events
import JSON
import Support
import Testing

@testable import LocalCloud

@Suite struct EventPatternTests {
    /// Cases whose results were taken from AWS: `_NEG` does not match, `_EXC` is refused.
    @Test func everyCaseOfTheCollectionIsRight() throws {
        let names = try Fixtures.names(in: "event-patterns").filter { $0.hasSuffix(".json5") }
        #expect(names.count == 155)
        for name in names {
            let text = JSON5.strict(try Fixtures.text("event-patterns/\(name)"))
            let test = try JSONDocument(Array(text.utf8)).root
            let pattern = try #require(test["EventPattern"]).raw.text
            let event = try #require(test["Event"]).raw.text
            if name.hasSuffix("_EXC.json5") {
                #expect(failure { _ = try EventPattern(pattern) }?.kind == .invalidEventPattern, "\(name)")
            } else {
                let matches = try EventPattern(pattern).matches(event: event)
                #expect(matches == !name.hasSuffix("_NEG.json5"), "\(name)")
            }
        }
    }

    @Test(arguments: [
        // Of an array of objects, one has to satisfy all that is said below it.
        (#"{"a":{"b":[1],"c":[2]}}"#, #"{"a":[{"b":1,"c":3},{"b":2,"c":2}]}"#, false),
        (#"{"a":{"b":[1],"c":[2]}}"#, #"{"a":[{"b":1,"c":3},{"b":1,"c":2}]}"#, true),
        (#"{"a":{"b":[1],"c":[2]}}"#, #"{"a":[[{"b":1}],[{"b":1,"c":2}]]}"#, true),
        (#"{"a":{"b":[{"exists":false}]}}"#, #"{"a":[]}"#, true),
        (#"{"a":{"b":[{"exists":true}]}}"#, #"{"a":[]}"#, false),
        // What stands beside $or counts as well, and more than one $or.
        (#"{"s":["x"],"$or":[{"a":[1]},{"b":[1]}]}"#, #"{"s":"x","b":1}"#, true),
        (#"{"s":["x"],"$or":[{"a":[1]},{"b":[1]}]}"#, #"{"s":"y","b":1}"#, false),
        (#"{"d":{"$or":[{"a":[1]},{"$or":[{"b":[1]},{"c":[1]}]}]}}"#, #"{"d":{"c":1}}"#, true),
        // Wildcards.
        (#"{"a":[{"wildcard":"*"}]}"#, #"{"a":""}"#, true),
        (#"{"a":[{"wildcard":"a*b*c"}]}"#, #"{"a":"a-b-b-c"}"#, true),
        (#"{"a":[{"wildcard":"ab*ba"}]}"#, #"{"a":"aba"}"#, false),
        (#"{"a":[{"wildcard":"1\\*2"}]}"#, #"{"a":"1*2"}"#, true),
        (#"{"a":[{"wildcard":"1\\*2"}]}"#, #"{"a":"1x2"}"#, false),
        // Addresses.
        (#"{"a":[{"cidr":"10.0.0.128/25"}]}"#, #"{"a":"10.0.0.127"}"#, false),
        (#"{"a":[{"cidr":"10.0.0.128/25"}]}"#, #"{"a":"10.0.0.255"}"#, true),
        (#"{"a":[{"cidr":"0.0.0.0/0"}]}"#, #"{"a":"::1"}"#, false),
        (#"{"a":[{"cidr":"10.0.0.1"}]}"#, #"{"a":"10.0.0.1"}"#, true),
        // The precomposed and the decomposed spelling are two strings.
        (#"{"a":["\u00e9"]}"#, #"{"a":"e\u0301"}"#, false),
        (#"{"a":[{"anything-but":[1,2]}]}"#, #"{"a":[1,3]}"#, true),
        (#"{"a":[{"numeric":["=",1]}]}"#, #"{"a":1.0}"#, true),
    ])
    func patternsMatchAsTheyShould(pattern: String, event: String, expected: Bool) throws {
        #expect(try EventPattern(pattern).matches(event: event) == expected, "\(pattern) \(event)")
    }

    @Test(arguments: [
        "", "[]", "{}", "1", #"{"a":{}}"#, #"{"a":[[1]]}"#, #"{"a":[{"prefix":"x","suffix":"y"}]}"#, #"{"a":[{}]}"#,
        #"{"$or":[{"a":[1]}]}"#, #"{"a":[{"numeric":["<",1,">",0]}]}"#, #"{"a":[{"numeric":[">",5,"<",5]}]}"#,
        #"{"a":[{"numeric":[]}]}"#, #"{"a":[{"anything-but":[]}]}"#, #"{"a":[{"anything-but":[1,"x"]}]}"#,
        #"{"a":[{"anything-but":true}]}"#, #"{"a":[{"exists":"yes"}]}"#, #"{"a":[{"cidr":"10.0.0.0/33"}]}"#,
        #"{"a":[{"cidr":"10.0.0.0/8/8"}]}"#, #"{"a":[{"wildcard":"\\x"}]}"#, #"{"a":[1],"a":[2]}"#,
    ])
    func malformedPatternsAreRefused(pattern: String) {
        #expect(failure { _ = try EventPattern(pattern) }?.kind == .invalidEventPattern, "\(pattern)")
    }
}

@Suite struct HostilePatternTests {
    @Test func namesOfManyStepsAreRefusedInPatternsAndPlainInEvents() throws {
        let name = String(repeating: "a.", count: 500_000)
        let event = #"{"\#(name)":1,"b":2}"#
        #expect(try EventPattern(#"{"b":[2]}"#).matches(event: event))
        #expect(failure { _ = try EventPattern(#"{"\#(name)":[1]}"#) }?.kind == .invalidEventPattern)
        let short = String(repeating: "a.", count: 16)
        #expect(failure { _ = try EventPattern(#"{"\#(short)":[1]}"#) }?.kind == .invalidEventPattern)
    }

    @Test func base64IsReadStrictly() {
        for count in 0..<8 {
            let bytes = (0..<UInt8(count)).map { $0 &* 77 }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
        for text in ["A", "AA", "AAA", "====", "AA=A", "A A=", "AA==AA==", "ÄÄ"] {
            #expect(Base64.decode(text) == nil, "\(text)")
        }
    }
}

/// Just enough of JSON5: comments to the end of the line, and commas before a closing bracket.
enum JSON5 {
    static func strict(_ text: String) -> String {
        var out: [UInt8] = []
        var bytes = Array(text.utf8)[...]
        var isString = false
        while let byte = bytes.popFirst() {
            if isString {
                out.append(byte)
                if byte == UInt8(ascii: "\\"), let next = bytes.popFirst() { out.append(next) }
                isString = byte != UInt8(ascii: "\"")
            } else if byte == UInt8(ascii: "/"), bytes.first == byte {
                bytes = bytes.drop { $0 != UInt8(ascii: "\n") }
            } else {
                if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { dropComma(&out) }
                isString = byte == UInt8(ascii: "\"")
                out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func dropComma(_ out: inout [UInt8]) {
        let end = out.lastIndex { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
        if let end, out[end] == UInt8(ascii: ",") { out.remove(at: end) }
    }
}
