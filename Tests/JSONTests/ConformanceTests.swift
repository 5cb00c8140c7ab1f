import JSON
import Support
import Testing

/// JSONTestSuite: every `y_` file is read, every `n_` file is refused, no file does harm.
struct ConformanceTests {
    /// Files that RFC 8259 lets pass and we refuse, and why: keys that come twice.
    static let stricter: Set<String> = ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"]

    static func files(_ prefix: String) throws -> [String] {
        try Fixtures.names(in: "json-parsing/test_parsing").filter { $0.hasPrefix(prefix) }
    }

    @Test func acceptsWhatMustBeAccepted() throws {
        let files = try Self.files("y_")
        #expect(files.count == 95)
        for file in files {
            let text = try Fixtures.data("json-parsing/test_parsing/\(file)")
            if Self.stricter.contains(file) {
                #expect(kind(of: text) == .duplicateKey, "\(file)")
            } else {
                #expect(kind(of: text) == nil, "\(file)")
            }
        }
    }

    @Test func refusesWhatMustBeRefused() throws {
        let files = try Self.files("n_")
        #expect(files.count == 188)
        for file in files {
            let text = try Fixtures.data("json-parsing/test_parsing/\(file)")
            #expect(kind(of: text) != nil, "\(file)")
        }
    }

    @Test func decidesWhatIsOptional() throws {
        let accepted: Set<String> = [
            "i_number_too_big_neg_int.json", "i_number_too_big_pos_int.json", "i_number_very_big_negative_int.json",
        ]
        let files = try Self.files("i_")
        #expect(files.count == 35)
        for file in files {
            let text = try Fixtures.data("json-parsing/test_parsing/\(file)")
            #expect((kind(of: text) == nil) == accepted.contains(file), "\(file)")
        }
    }

    @Test func readsOddTextsWithoutChangingThem() throws {
        for file in try Fixtures.names(in: "json-parsing/test_transform") {
            let text = try Fixtures.data("json-parsing/test_transform/\(file)")
            guard let value = try? JSONValue.parse(text) else { continue }
            #expect(try JSONValue.parse(value.serialised()) == value, "\(file)")
        }
    }

    @Test func keepsComposedAndDecomposedKeysApart() throws {
        let text = try Fixtures.data("json-parsing/test_transform/object_key_nfc_nfd.json")
        let value = try JSONValue.parse(text)
        #expect(value.members?.count == 2)
        #expect(value["\u{E9}"]?.string == "NFC")
        #expect(value["e\u{301}"]?.string == "NFD")
        #expect(value["\u{E9}"] != value["e\u{301}"])
        #expect(JSONValue.string("\u{E9}") != JSONValue.string("e\u{301}"))
    }

    private func kind(of text: [UInt8]) -> JSONError.Kind? {
        do {
            _ = try JSONValue.parse(text, depth: 64)
            return nil
        } catch {
            return error.kind
        }
    }
}
