import JSON
import Support
import Testing

/// JSON-Schema-Test-Suite, draft 7: every schema is refused or judges every document as it must.
@Suite struct JSONSchemaTests {
    struct Tally: Equatable {
        var judged = 0
        var wrong: [String] = []
        var refused: [String: Int] = [:]
    }

    static func tally(_ file: String) throws -> Tally {
        var tally = Tally()
        let groups = try JSONValue.parse(try Fixtures.data("json-schema/draft7/\(file)")).array ?? []
        for group in groups {
            guard let text = group["schema"] else { continue }
            let schema: JSONSchema
            do throws(JSONSchema.Problem) { schema = try JSONSchema(text) } catch {
                tally.refused[error.why, default: 0] += 1
                continue
            }
            for test in group["tests"]?.array ?? [] {
                guard let data = test["data"] else { continue }
                tally.judged += 1
                if schema.problems(in: data).isEmpty != test["valid"]?.bool {
                    tally.wrong.append("\(group["description"]?.string ?? ""): \(test["description"]?.string ?? "")")
                }
            }
        }
        return tally
    }

    /// Where the suite's optional files and we differ: integers beyond 64 bits, and white space beyond ASCII.
    static let others: Set<String> = [
        "optional-bignum.json: integer: a bignum is an integer",
        "optional-bignum.json: integer: a negative bignum is an integer",
        "optional-float-overflow.json: all integers are multiples of 0.5, if overflow is handled: "
            + "valid if optional overflow handling is implemented",
    ]

    @Test func theSuiteIsJudgedAsItMustBe() throws {
        let files = try Fixtures.names(in: "json-schema/draft7")
        var all = Tally()
        for file in files {
            let tally = try Self.tally(file)
            all.judged += tally.judged
            all.wrong += tally.wrong.map { "\(file): \($0)" }
            all.refused.merge(tally.refused) { $0 + $1 }
        }
        let wrong = all.wrong.filter { !$0.hasPrefix("optional-ecmascript-regex.json: ECMA 262 \\s matches white") }
            .filter { !$0.hasPrefix("optional-ecmascript-regex.json: ECMA 262 \\S matches everything") }
        #expect(Set(wrong) == Self.others)
        #expect(all.judged == 832)
        #expect(
            all.refused == [
                "only references within the schema are followed: #/definitions/...": 20,
                "a text with a NUL in it": 2, "\\p is not supported": 4, "\\c is not supported": 2,
                "it refers to itself": 1, "it refers to nothing in this schema": 1, "this keyword is not supported": 17,
                "nothing counts beside a $ref in draft 7": 1, "only the whole schema may have an $id": 7,
                "it must be a number from 0.0001": 1,
            ])
    }

    static let refusals: [(String, String)] = [
        (#"[]"#, "a schema is an object or a boolean"),
        (#"{"type":"text"}"#, "/type: it must be one or more of null, boolean, object, array, number, string, integer"),
        (#"{"properties":{"a":{"requierd":["b"]}}}"#, "/properties/a/requierd: this keyword is not supported"),
        (#"{"properties":{"a/b":{"format":"uri"}}}"#, "/properties/a~1b/format: this keyword is not supported"),
        (#"{"definitions":{"a":{"minLength":-1}}}"#, "/definitions/a/minLength: it must be a whole number, 0 or more"),
        (#"{"maxItems":1.5}"#, "/maxItems: it must be a whole number, 0 or more"),
        (#"{"multipleOf":0}"#, "/multipleOf: it must be a number from 0.0001"),
        (#"{"maximum":"7"}"#, "/maximum: it must be a number"),
        (#"{"enum":[]}"#, "/enum: it must be a list of values"),
        (#"{"required":"a"}"#, "/required: it must be a list of names"),
        (#"{"anyOf":[]}"#, "/anyOf: it must be a list of schemas"),
        (#"{"allOf":[{"type":"null"},3]}"#, "/allOf/1: a schema is an object or a boolean"),
        (#"{"properties":[]}"#, "/properties: it must be an object of schemas"),
        (#"{"uniqueItems":1}"#, "/uniqueItems: it must be true or false"),
        (#"{"pattern":"(a"}"#, "/pattern: a ( without its )"),
        (#"{"pattern":"a)"}"#, "/pattern: a ) without its ("),
        (#"{"pattern":"(?=a)"}"#, "/pattern: (? is supported as (?: alone"),
        (#"{"pattern":"(a)\\1"}"#, "/pattern: \\1 is not supported"),
        (#"{"pattern":"*a"}"#, "/pattern: not a pattern, or too large a one"),
        (#"{"pattern":"((a{1000}){1000}){1000}"}"#, "/pattern: not a pattern, or too large a one"),
        (
            #"{"patternProperties":{"[":{}}}"#,
            "/patternProperties: an empty class, or [^...] with characters beyond ASCII"
        ),
        (
            #"{"$schema":"https://json-schema.org/draft/2020-12/schema"}"#,
            "/$schema: only draft 7 is supported: http://json-schema.org/draft-07/schema#"
        ),
        (
            #"{"$ref":"https://example.com/schema.json"}"#,
            "/$ref: only references within the schema are followed: #/definitions/..."
        ),
        (##"{"$ref":"#/definitions/a"}"##, "/$ref: it refers to nothing in this schema"),
        (##"{"allOf":[{"$ref":"#"}]}"##, "/allOf/0/$ref: it refers to itself"),
        (
            ##"{"definitions":{"a":{"$ref":"#/definitions/b"},"b":{"$ref":"#/definitions/a"}}}"##,
            "/definitions/a/$ref: it refers to itself"
        ),
        (#"{"type":"string","type":"null"}"#, "duplicate key at byte 17"),
        ("", "nothing to read at byte 0"),
    ]

    @Test(arguments: refusals)
    func whatIsNotTakenIsNamed(_ text: String, _ words: String) {
        #expect {
            try JSONSchema(parsing: text)
        } throws: { error in
            (error as? JSONSchema.Problem)?.description == words
        }
    }

    @Test func aSchemaThatGrowsWithoutEndIsRefused() {
        let definitions = (0..<24).map { level -> String in
            let next = ##"{"$ref":"#/definitions/d\##(level + 1)"}"##
            return #""d\#(level)":{"allOf":[\#(next),\#(next)]}"#
        }
        let text = #"{"definitions":{"# + definitions.joined(separator: ",") + #","d24":{}}}"#
        #expect(throws: JSONSchema.Problem(pointer: "", why: "more than 4096 schemas in it")) {
            try JSONSchema(parsing: text)
        }
    }

    static let house = """
        {"type":"object","required":["currency","limits"],"additionalProperties":false,"properties":{
          "currency":{"$ref":"#/definitions/currency"},
          "limits":{"type":"array","minItems":1,"items":{"type":"object","properties":{
             "amount":{"type":"integer","minimum":1},"a/b~c":{"enum":["x","y"]}}}},
          "secret":{"type":"string","minLength":8}},
         "definitions":{"currency":{"type":"string","pattern":"^[A-Z]{3}$","format-note":"no"}}}
        """.replacing(#","format-note":"no""#, with: "")

    @Test func aProblemHasAPointerAndNoValue() throws {
        let schema = try JSONSchema(parsing: Self.house)
        func problems(_ text: String) throws -> [String] {
            schema.problems(in: try JSONValue.parse(text)).map(\.description)
        }
        #expect(try problems(#"{"currency":"EUR","limits":[{"amount":1}]}"#) == [])
        #expect(try problems(#"{"limits":[]}"#).contains("Missing required property 'currency'."))
        let wrong = try problems(
            #"{"currency":"euro-secret","limits":[{},{"amount":0,"a/b~c":"z-secret"}],"secret":"s-secret"}"#)
        #expect(wrong.contains { $0.hasPrefix("/currency: ") })
        #expect(wrong.contains { $0.hasPrefix("/limits/1/amount: ") })
        #expect(wrong.contains { $0.hasPrefix("/limits/1/a~1b~0c: ") })
        #expect(!wrong.contains { $0.contains("-secret") } && wrong.count == 3)
        #expect(try problems(#"{"currency":"EUR","limits":[{"amount":1}],"other":1}"#).count == 1)
        #expect(try problems(#"{"currency":"EUR","limits":[{"amount":9007199254740993}]}"#).count == 1)
    }

    @Test func problemsAreBounded() throws {
        let schema = try JSONSchema(parsing: #"{"items":{"type":"string"}}"#)
        let numbers = JSONValue.array(Array(repeating: 1, count: 1_000))
        #expect(schema.problems(in: numbers).count == JSONSchema.problemsAtMost)
    }

    @Test func listsThatAreTooLongAreNotComparedPairByPair() throws {
        let long = JSONValue.object([JSONMember("a", .array((0..<1_500).map { .integer($0) }))])
        let schema = try JSONSchema(parsing: #"{"properties":{"a":{"uniqueItems":true}}}"#)
        #expect(schema.problems(in: long).map(\.why) == ["It has lists that are too long to compare their items."])
        #expect(schema.problems(in: ["a": [1, 2, 1]]).count == 1)
        #expect(schema.problems(in: ["a": [1, 2, 3]]).isEmpty)
        #expect(try JSONSchema(parsing: #"{"const":{"uniqueItems":1}}"#).problems(in: long).count == 1)
        #expect(try JSONSchema(parsing: #"{"uniqueItems":false}"#).problems(in: long).isEmpty)
    }

    @Test func noPatternTakesForEver() throws {
        let schema = try JSONSchema(parsing: #"{"pattern":"^(a+)+$"}"#)
        let long = String(repeating: "a", count: 5_000)
        #expect(schema.problems(in: .string(long)).isEmpty)
        #expect(!schema.problems(in: .string(long + "!")).isEmpty)
    }

    static let patterns: [(String, String, Bool)] = [
        ("^.{3}$", "äöü", true), ("^.{2}$", "äöü", false), ("^[^a]{2}$", "日本", true), ("^ä*$", "äää", true),
        ("^[äb]+$", "bäb", true), ("^[äb]+$", "bö", false), (#"^\u00e4$"#, "ä", true),
        (#"^[\w.-]+$"#, "a-b.c_9", true),
        (#"^[\w.-]+$"#, "a b", false), ("b", "abc", true), ("^b", "abc", false),
        (#"^\S+@\S+$"#, "ä@ö", true),
        ("^a{2,3}?$", "aaa", true), ("^a{2,}$", "a", false), ("^(?:eur|usd)$", "usd", true),
        (#"\bdog\b"#, "a dog", true),
        ("^[+\\-*/^]$", "^", true), ("^[ -~]*$", "plain", true), ("^[ -~]*$", "nicht schön", false),
    ]

    @Test(arguments: patterns)
    func patternsKnowCharacters(_ pattern: String, _ text: String, _ matches: Bool) throws {
        let schema = try JSONSchema(["pattern": .string(pattern)])
        #expect(schema.problems(in: .string(text)).isEmpty == matches)
    }
}
