/// The Kit's JSON against JSONTestSuite and against what the suite leaves open.

import Kit
import Support
import Testing

@Suite struct JSONTests {
    static let folder = "json-parsing/test_parsing"
    /// The suite admits them, this reader does not: a key that occurs twice has no one meaning.
    static let duplicates = ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"]

    @Test func readsWhatIsJSON() throws {
        let names = try Fixtures.names(in: Self.folder).filter { $0.hasPrefix("y_") && !Self.duplicates.contains($0) }
        #expect(names.count > 90)
        for name in names {
            let bytes = try Fixtures.data("\(Self.folder)/\(name)")
            let value = try? JSON(parsing: bytes)
            #expect(value != nil, "\(name)")
            let again = try value.map { try JSON(parsing: $0.bytes) }
            #expect(again == value, "\(name)")
        }
    }

    @Test func refusesWhatIsNotJSON() throws {
        let names = try Fixtures.names(in: Self.folder).filter { $0.hasPrefix("n_") } + Self.duplicates
        #expect(names.count > 180)
        for name in names {
            let bytes = try Fixtures.data("\(Self.folder)/\(name)")
            #expect(throws: JSON.Unreadable.self, "\(name)") { try JSON(parsing: bytes) }
        }
    }

    @Test func survivesWhatTheSuiteLeavesOpen() throws {
        for name in try Fixtures.names(in: Self.folder) where name.hasPrefix("i_") {
            if let value = try? JSON(parsing: Fixtures.data("\(Self.folder)/\(name)")) {
                #expect(try JSON(parsing: value.bytes) == value, "\(name)")
            }
        }
    }

    @Test func keysThatDifferInNormalFormAreTwoKeys() throws {
        let value = try JSON.text(#"{"caf\u00e9": 1, "cafe\u0301": 2}"#)
        #expect(try value.integer(at: "/caf\u{E9}") == 1)
        #expect(try value.integer(at: "/cafe\u{301}") == 2)
    }

    @Test func refusesOneKeyWrittenTwice() {
        #expect(throws: JSON.Unreadable.self) { try JSON.text(#"{"a": 1, "b": 2, "\u0061": 3}"#) }
    }

    @Test func refusesNestingBeyondItsDepthAndNotOneLess() throws {
        let deepest = JSON.maximumDepth
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + "1" + String(repeating: "]", count: levels)
        }
        _ = try JSON.text(nested(deepest))
        #expect(throws: JSON.Unreadable.self) { try JSON.text(nested(deepest + 1)) }
    }

    @Test func writesMembersInOrderAndEscapesWhatItMust() throws {
        let value: JSON = ["b": [1, true, .null], "a": "\u{1}\n\"\\é"]
        #expect(value.description == #"{"a":"\u0001\n\"\\é","b":[1,true,null]}"#)
    }

    @Test func ofTwoMembersWithOneKeyTheLaterStays() {
        let value: JSON = ["a": 1, "b": 2, "a": 3]
        #expect(value == ["a": 3, "b": 2])
    }

    @Test func keepsTheDigitsOfNumbers() throws {
        #expect(try JSON.text("1.10000000000000000000").description == "1.10000000000000000000")
    }

    @Test func namesThePlaceAndNotTheValue() throws {
        let value = try JSON.text(#"{"payee": {"name": 7}}"#)
        let mismatch = #expect(throws: JSON.Mismatch.self) { try value.string(at: "/payee/name") }
        #expect(mismatch?.description == "/payee/name: expected a text")
    }

    @Test func readsEachTypeAndNoOther() throws {
        let value = try JSON.text(#"{"t": "x", "n": 5, "d": 5.5, "b": true, "l": [1], "o": {}, "z": null}"#)
        #expect(try value.string(at: "/t") == "x")
        #expect(try value.integer(at: "/n") == 5)
        #expect(try value.boolean(at: "/b"))
        #expect(try value.array(at: "/l") == [1])
        #expect(try value.members(at: "/o").count == 0)
        #expect(throws: JSON.Mismatch.self) { try value.integer(at: "/d") }
        #expect(throws: JSON.Mismatch.self) { try value.boolean(at: "/n") }
        #expect(throws: JSON.Mismatch.self) { try value.array(at: "/o") }
        #expect(throws: JSON.Mismatch.self) { try value.members(at: "/l") }
        #expect(throws: JSON.Mismatch.self) { try value.string(at: "/z") }
        #expect(throws: JSON.Mismatch.self) { try value.string(at: "/missing") }
    }
}

@Suite struct PointerTests {
    /// RFC 6901, section 5.
    static let examples: [(String, JSON)] = [
        ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3), ("/g|h", 4),
        ("/i\\j", 5), ("/k\"l", 6), ("/ ", 7), ("/m~0n", 8),
    ]
    static let document = #"""
        {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}
        """#

    @Test(arguments: examples) func findsWhatTheStandardFinds(text: String, value: JSON) throws {
        let pointer = try #require(Pointer(parsing: text))
        #expect(try JSON.text(Self.document)[pointer] == value)
    }

    @Test func theEmptyPointerIsTheWhole() throws {
        let document = try JSON.text(Self.document)
        #expect(document[""] == document)
    }

    @Test(arguments: ["/foo/2", "/foo/-1", "/foo/00", "/foo/01", "/foo/-", "/foo/bar", "/b", "/a~1b/x"])
    func findsNothingElsewhere(text: String) throws {
        let pointer = try #require(Pointer(parsing: text))
        #expect(try JSON.text(Self.document)[pointer] == nil)
    }

    @Test(arguments: ["foo", "/~", "/~2", "/a~", "~0"]) func refusesWhatIsNoPointer(text: String) {
        #expect(Pointer(parsing: text) == nil)
    }

    @Test func anAccentAfterASlashIsPartOfTheKey() throws {
        let pointer = try #require(Pointer(parsing: "/a/\u{301}b"))
        #expect(try JSON.text(#"{"a": {"\u0301b": 1}}"#)[pointer] == 1)
    }

    @Test func appendingEscapes() {
        #expect(("/limits" / "a/b~c").text == "/limits/a~1b~0c")
        #expect("/limits" / "a/b~c" == Pointer(parsing: "/limits/a~1b~0c"))
    }
}
