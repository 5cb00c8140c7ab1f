import JSON
import Testing

struct ValueTests {
    @Test func readsEveryKind() throws {
        let value = try JSONValue.parse(
            #"{"n":null,"t":true,"i":-9223372036854775808,"d":1.5,"b":9223372036854775808,"s":"a\"b","a":[1,2],"o":{}}"#
        )
        #expect(value["n"]?.isNull == true)
        #expect(value["t"]?.bool == true)
        #expect(value["i"]?.int == .min)
        #expect(value["d"]?.double == 1.5)
        #expect(value["b"] == .double(9_223_372_036_854_775_808))
        #expect(value["s"]?.string == "a\"b")
        #expect(value["a"]?.array == [1, 2])
        #expect(value["a"]?[1] == 2)
        #expect(value["a"]?[2] == nil)
        #expect(value["o"]?.members == [])
        #expect(value["x"] == nil)
        #expect(value.members?.map(\.key) == ["n", "t", "i", "d", "b", "s", "a", "o"])
    }

    @Test func changesMembers() {
        var value: JSONValue = ["a": 1, "b": [true, nil, "x", 1.5]]
        value["a"] = 2
        value["c"] = "new"
        value["b"] = nil
        #expect(value == ["a": 2, "c": "new"])
        #expect(String(decoding: value.serialised(), as: UTF8.self) == #"{"a":2,"c":"new"}"#)
        #expect(value != ["c": "new", "a": 2])
        #expect(Set([value, ["a": 2, "c": "new"]]).count == 1)
    }

    @Test func writesWhatIsNotFiniteAsNull() {
        #expect(JSONValue.array([.double(.nan), .double(-.infinity)]).serialised() == Array("[null,null]".utf8))
    }

    @Test func slicesTheText() throws {
        let text = Array(#"xx{"a" : [1, "two\n", "drei"], "key\u0021":{"b":-12}}yy"#.utf8)
        let root = try JSONDocument(text[2..<text.count - 2]).root
        let array = try #require(root["a"])
        #expect(array.raw.elementsEqual(#"[1, "two\n", "drei"]"#.utf8))
        #expect(array.offset == 7)
        #expect(array.raw.startIndex == 9)
        #expect(array.elements.map(\.kind) == [.number, .string, .string])
        #expect(array.elements[1].isEscaped)
        #expect(array.elements[1].string == "two\n")
        #expect(array.elements[1].isString("two\n"))
        #expect(array.elements[2].stringBytes?.startIndex == 23)
        #expect(root["key!"]?["b"]?.int == -12)
        #expect(root.members.map(\.key.string) == ["a", "key!"])
        #expect(root["b"] == nil)
        #expect(array["a"] == nil)
        #expect(root.elements.isEmpty)
    }

    @Test func comparesByValue() throws {
        func same(_ a: String, _ b: String) throws -> Bool {
            try JSONDocument(Array(a.utf8)).root.says(theSameAs: JSONDocument(Array(b.utf8)).root)
        }
        #expect(try same(#"{"a":1,"b":[1.0,"\u0061"]}"#, #"{ "b":[1,"a"], "a":1e0 }"#))
        #expect(try !same(#"{"a":1}"#, #"{"a":1,"b":1}"#))
        #expect(try !same(#"{"a":1}"#, #"{"b":1}"#))
        #expect(try !same("9007199254740993", "9007199254740992"))
        #expect(try !same("[true]", "[false]"))
        #expect(try !same("[null]", "[0]"))
    }

    @Test(arguments: [
        ("", "{"), ("/foo", "["), ("/foo/0", "bar"), ("/", "0"), ("/a~1b", "1"), ("/c%d", "2"), ("/e^f", "3"),
        ("/g|h", "4"), ("/i\\j", "5"), ("/k\"l", "6"), ("/ ", "7"), ("/m~0n", "8"),
    ])
    func followsThePointersOfTheRFC(_ pointer: String, _ start: String) throws {
        let text = Array(
            #"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#.utf8)
        let pointer = try JSONPointer(parsing: pointer)
        let node = try #require(try JSONDocument(text).root.at(pointer))
        #expect(String(decoding: node.stringBytes ?? node.raw, as: UTF8.self).hasPrefix(start))
        #expect(try JSONValue.parse(text).at(pointer) == node.value)
    }

    @Test func findsManyMembersAsItFindsOne() throws {
        let names: [StaticString] = ["crit", "a", "ab", "", "missing", "deep", "é"]
        let text = #"{"ab":1,"cr\u0069t":[],"deep":{"a":2,"crit":3},"":{"b":[4]},"\u0061":5,"\u00e9":6,"abc":7}"#
        let root = try JSONDocument(Array(text.utf8)).root
        let found = root.members(MemberNames(names))
        for (place, name) in names.enumerated() {
            #expect(found[place]?.raw == root.member(name)?.raw, "\(name)")
            #expect((found[place] == nil) == (place == 4))
        }
        let inner = try #require(found[5]).members(MemberNames(["crit", "ab", "a"]))
        #expect(inner[0]?.int == 3 && inner[1] == nil && inner[2]?.int == 2)
        let none = try JSONDocument(Array("[{}]".utf8)).root.members(MemberNames(["a"]))
        #expect(none[0] == nil)
    }

    @Test func readsScalarsOfMembersAsTheirNodesSayThem() throws {
        let text =
            #"{"plain":"ab","escaped":"a\u0062\n","empty":"","number":12,"digits":"0120","none":null,"list":["x"]}"#
        let names: [StaticString] = ["plain", "escaped", "empty", "number", "digits", "none", "list", "missing"]
        let found = try JSONDocument(Array(text.utf8)).root.members(MemberNames(names))
        for place in names.indices {
            #expect(found.has(place) == (place < 7))
            #expect(found.string(place) == found[place]?.string && found.digits(place) == found[place]?.digits)
            #expect(found.stringBytes(place) == found[place]?.stringBytes)
            for word in ["ab", "ab\n", "", "12"] {
                #expect(found.isString(place, word) == (found.string(place) == word))
                #expect(found[place]?.isString(word) ?? false == (found.string(place) == word))
            }
        }
        #expect(found.string(1) == "ab\n" && found.digits(4) == 120 && found.digits(0) == nil && found.string(3) == nil)
        #expect(found.string(1) { $0.last == 0x0A } == "ab\n" && found.string(0) { $0.last == 0x0A } == nil)
        #expect(found.string(7) { _ in true } == nil && found.string(3) { _ in true } == nil)
        #expect(try #require(found[2]).isString { $0.isEmpty } && !(try #require(found[3])).isString { _ in true })
        #expect(found[6]?.firstElement?.string == "x" && found[0]?.firstElement == nil)
        #expect(try JSONDocument(Array("[]".utf8)).root.firstElement == nil)
    }

    @Test func findsNothingWhereNothingIs() throws {
        let value = try JSONValue.parse(#"{"foo":["bar"],"x":1}"#)
        for text in ["/foo/1", "/foo/-", "/foo/00", "/foo/x", "/bar", "/x/0", "/foo/99999999999999999999"] {
            #expect(value.at(try JSONPointer(parsing: text)) == nil, "\(text)")
            #expect(try JSONDocument(value.serialised()).root.at(JSONPointer(parsing: text)) == nil, "\(text)")
        }
    }

    @Test(arguments: [("foo", 0), ("/a~", 2), ("/a~2", 2), ("~0", 0)])
    func refusesBadPointers(_ text: String, _ offset: Int) {
        #expect(throws: JSONError(.badPointer, at: offset)) { try JSONPointer(parsing: text) }
    }
}
