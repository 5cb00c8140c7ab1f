/// Types of a handler's own, from JSON and to JSON.

import Foundation
import Kit
import Testing

private enum Direction: String, Codable, CaseIterable {
    case debit, credit
}

private enum Colour: String, Codable {
    case red
}

private struct Party: Codable, Equatable {
    var name: String
    var tags: [String]?
}

private struct Payment: Codable, Equatable {
    var id: Identifier
    var amount: Amount
    var currency: Currency
    var direction: Direction
    var payee: Party
    var note: String?
    var splits: [Amount]
}

private struct Ruled: Decodable {
    let percent: Amount
    enum CodingKeys: CodingKey { case percent }
    init(from decoder: any Decoder) throws {
        percent = try decoder.container(keyedBy: CodingKeys.self).decode(Amount.self, forKey: .percent)
        guard try percent <= Amount("1")! + .zero else { throw Rejection("fees.too-high", "more than 1") }
    }
}

private struct Custom: Decodable {
    enum CodingKeys: CodingKey { case secret }
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let secret = try container.decode(String.self, forKey: .secret)
        throw DecodingError.dataCorruptedError(forKey: .secret, in: container, debugDescription: "not \(secret)")
    }
}

private class Base: Codable {
    var base = 1
    init() {}
}

private final class Derived: Base {
    var derived = 2
    enum CodingKeys: CodingKey { case derived }
    override init() { super.init() }
    required init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        derived = try container.decode(Int.self, forKey: .derived)
        try super.init(from: container.superDecoder())
    }
    override func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(derived, forKey: .derived)
        try super.encode(to: container.superEncoder())
    }
}

@Suite struct DecodingTests {
    static let payment = """
        {"id": "P-1", "amount": 170141183460469231731.687303715884105727, "currency": "EUR", "direction": "debit",
         "payee": {"name": "Bo", "tags": ["a", "b"]}, "splits": ["0.1", 0.2], "unknown": true}
        """

    /// What a decoding throws, in words.
    private func complaint<Value: Decodable>(
        _ type: Value.Type, _ text: String, unknown: JSON.UnknownMembers = .ignored
    ) throws -> String {
        let json = try JSON.text(text)
        do {
            _ = try json.decode(type, unknown: unknown)
            return ""
        } catch let mismatch as JSON.Mismatch {
            return mismatch.description
        }
    }

    @Test func aPaymentIsReadExactly() throws {
        let payment = try JSON.text(Self.payment).decode(Payment.self)
        #expect(payment.amount.text == "170141183460469231731.687303715884105727")
        #expect(payment.splits.map(\.text) == ["0.1", "0.2"])
        #expect(payment.payee == Party(name: "Bo", tags: ["a", "b"]))
        #expect(payment.direction == .debit && payment.note == nil)
    }

    @Test func whatWasEncodedIsDecodedAlike() throws {
        let payment = try JSON.text(Self.payment).decode(Payment.self)
        let json = try JSON(encoding: payment)
        #expect(json["/amount"] == "170141183460469231731.687303715884105727")
        #expect(json["/note"] == nil)
        #expect(try json.decode(Payment.self) == payment)
    }

    @Test(arguments: [
        (#"{"id": "a:b"}"#, "/id: expected 1 to 128 characters of A-Z a-z 0-9 . _ @ -"),
        (#"{}"#, "/id: expected 1 to 128 characters of A-Z a-z 0-9 . _ @ -"),
        (#"{"id": "P"}"#, "/amount: expected a decimal of at most 18 places"),
        (#"{"id": "P", "amount": "1e-19"}"#, "/amount: expected a decimal of at most 18 places"),
        (#"{"id": "P", "amount": null}"#, "/amount: expected a decimal of at most 18 places"),
        (
            #"{"id": "P", "amount": 1, "currency": "eur"}"#,
            "/currency: expected a currency code of three capital letters"
        ),
        (
            #"{"id": "P", "amount": 1, "currency": "EUR", "direction": "secret"}"#,
            "/direction: expected one of debit, credit"
        ),
        (
            #"{"id": "P", "amount": 1, "currency": "EUR", "direction": "debit", "payee": []}"#,
            "/payee: expected an object"
        ),
        (
            #"{"id": "P", "amount": 1, "currency": "EUR", "direction": "debit", "payee": {"name": 7}}"#,
            "/payee/name: expected a text"
        ),
        (
            #"{"id": "P", "amount": 1, "currency": "EUR", "direction": "debit", "payee": {"name": "B", "tags": [1]}}"#,
            "/payee/tags/0: expected a text"
        ),
        (
            #"{"id": "P", "amount": 1, "currency": "EUR", "direction": "debit", "payee": {"name": "B"}}"#,
            "/splits: expected a list"
        ),
        ("[]", ": expected an object"),
    ]) func aMismatchSaysWhereAndWhatButNotTheValue(text: String, complaint: String) throws {
        #expect(try self.complaint(Payment.self, text) == complaint)
    }

    @Test func wordsOfOthersAreNotPassedOn() throws {
        #expect(try complaint(Custom.self, #"{"secret": "hunter2"}"#) == "/secret: expected a valid Custom")
        #expect(try complaint([String: Colour].self, #"{"a~/b": "hunter2"}"#) == "/a~0~1b: expected a valid Colour")
    }

    @Test func anIntegerFitsOrIsRefused() throws {
        #expect(try JSON.text("[-128, 127]").decode([Int8].self) == [-128, 127])
        #expect(try JSON.text("18446744073709551615").decode(UInt64.self) == .max)
        #expect(try JSON.text("-170141183460469231731687303715884105728").decode(Int128.self) == .min)
        #expect(try complaint(Int8.self, "128") == ": expected an integer from -128 to 127")
        #expect(try complaint(UInt.self, "-1") == ": expected an integer from 0 to 18446744073709551615")
        #expect(try complaint([Int].self, "[1, 9223372036854775808]") == "/1: expected an integer of 64 bits")
        for text in ["1.0", "1e2", "true", "\"1\"", "null"] {
            #expect(try complaint(Int.self, text) == ": expected an integer of 64 bits", "\(text)")
        }
    }

    @Test func aNumberIsFinite() throws {
        #expect(try JSON.text("1.5e3").decode(Double.self) == 1_500)
        #expect(try complaint(Double.self, "1e400") == ": expected a number")
        #expect(try JSON(encoding: [0.1, Double.leastNonzeroMagnitude]).description == "[0.1,5e-324]")
        #expect(throws: EncodingError.self) { try JSON(encoding: ["rate": Double.infinity]) }
    }

    @Test func aTypeMayHaveRulesOfItsOwn() throws {
        #expect(try JSON.text(#"{"percent": "0.5"}"#).decode(Ruled.self).percent.text == "0.5")
        #expect(throws: Rejection("fees.too-high", "more than 1")) {
            try JSON.text(#"{"percent": "1.01"}"#).decode(Ruled.self)
        }
    }

    @Test func namesAreKeysOfDictionaries() throws {
        let limits = try JSON.text(#"{"EUR": "10", "USD": 2}"#).decode([Currency: Amount].self)
        #expect(try JSON(encoding: limits) == ["EUR": "10", "USD": "2"])
        #expect(try complaint([Currency: Amount].self, #"{"euro": 1}"#).hasPrefix("/euro: expected a valid Dictionary"))
        #expect(try JSON.text(#"{"ann": ["x"]}"#).decode([Identifier: [String]].self).count == 1)
    }

    @Test func aPartMayStayJSON() throws {
        struct Wrapped: Codable {
            var any: JSON
            var maybe: JSON?
        }
        let wrapped = try JSON.text(#"{"any": {"b": [1.50]}, "maybe": null}"#).decode(Wrapped.self)
        #expect(try JSON(encoding: wrapped).description == #"{"any":{"b":[1.50]}}"#)
        #expect(try complaint(Wrapped.self, "{}") == "/any: expected a value")
    }

    @Test func aClassAndItsSuperclassShareAnObject() throws {
        let derived = Derived()
        (derived.base, derived.derived) = (7, 8)
        let json = try JSON(encoding: derived)
        #expect(json == ["base": 7, "derived": 8])
        let read = try json.decode(Derived.self)
        #expect(read.base == 7 && read.derived == 8)
    }

    @Test func aTypeThatEncodesNothingIsAnEmptyObject() throws {
        struct Nothing: Codable {}
        #expect(try JSON(encoding: [Nothing()]) == [[:] as JSON])
        #expect(try JSON(encoding: [] as [Nothing]) == [])
        #expect(try JSON(encoding: [nil, 1] as [Int?]) == [.null, 1])
    }

    @Test(arguments: [
        (#"{"name": "x", "tag": []}"#, "/tag: expected no such member"),
        (#"{"name": "x", "tags": null}"#, ""),
        (#"{"name": "x"}"#, ""),
    ]) func aMisspeltMemberIsNamedWhereNoneIsIgnored(text: String, complaint: String) throws {
        #expect(try self.complaint(Party.self, text, unknown: .refused) == complaint)
        #expect(try self.complaint(Party.self, text) == "")
    }

    @Test func aMisspeltMemberIsNamedHoweverDeep() throws {
        let text = #"{"a": [{"name": "x"}, {"name": "y", "tgas": 1}]}"#
        #expect(try complaint([String: [Party]].self, text, unknown: .refused) == "/a/1/tgas: expected no such member")
        // What a type keeps as it is has no unknown members.
        #expect(try complaint([String: JSON].self, text, unknown: .refused) == "")
    }

    @Test func valuesOfTheKitTravelThroughOtherCoders() throws {
        struct Both: Codable, Equatable {
            var amount: Amount
            var place: Pointer
            var text: Template
            var time: Timestamp
            var limits: [Currency: Identifier]
        }
        let both = Both(
            amount: try #require(Amount("0.1")), place: "/a", text: try #require(Template("{/a}!")),
            time: Timestamp(milliseconds: 5), limits: [try #require(Currency("EUR")): try #require(Identifier("x"))])
        #expect(try JSONDecoder().decode(Both.self, from: JSONEncoder().encode(both)) == both)
        #expect(try JSON(encoding: both).decode(Both.self) == both)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([JSON].self, from: Data("[1]".utf8))
        }
    }
}
