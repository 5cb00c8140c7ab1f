import Events
import Foundation
import Testing

@testable import Signatures

@Suite("Key set document")
struct KeySetDocumentTests {
    static let x = String(repeating: "A", count: 1750)
    static let pqk = #"{"kty":"PQK","alg":"Dilithium2","kid":"a","crv":"Dilithium2","x":"\#(x)"}"#
    static let akp = #"{"kty":"AKP","alg":"ML-DSA-44","kid":"b","pub":"\#(x)"}"#
    static let rsa = #"{"kty":"RSA","kid":"c","n":"AQAB","e":"AQAB"}"#

    static func keys(_ keys: String...) throws -> [VerificationKey] {
        try KeySetDocument(parsing: Bytes("{\"keys\":[\(keys.joined(separator: ","))]}")).keys
    }

    @Test("Both forms are read; keys of others are none of ours")
    func reads() throws {
        let keys = try Self.keys(Self.pqk, Self.akp, Self.rsa)
        #expect(keys.map(\.keyID) == ["a", "b"])
        #expect(keys.map(\.algorithm) == [.dilithium2, .mldsa44])
        #expect(keys.allSatisfy { $0.bytes == [UInt8](repeating: 0, count: 1312) })
        #expect(try Self.keys(Self.pqk, Self.akp.replacing("\"kid\"", with: "\"use\":\"enc\",\"kid\"")).count == 1)
        #expect(try Self.keys(Self.pqk, #"{"kty":"AKP","alg":"ML-DSA-65","kid":"d","pub":"AA"}"#).count == 1)
    }

    @Test("A type that Unicode calls the same is another", arguments: ["PQ\u{212A}", "A\u{212A}P"])
    func comparesBytes(type: String) throws {
        let key = type.hasPrefix("A") ? Self.akp.replacing("AKP", with: type) : Self.pqk.replacing("PQK", with: type)
        let neighbour = Self.pqk.replacing("\"a\"", with: "\"z\"")
        #expect(try Self.keys(neighbour, key).map(\.keyID) == ["z"])
    }

    @Test(
        "A document with one bad key is refused whole",
        arguments: [
            pqk.replacing(",\"x\"", with: ",\"pub\":\"AA\",\"x\""),
            akp.replacing(",\"pub\"", with: ",\"x\":\"AA\",\"pub\""),
            akp.replacing(",\"pub\"", with: ",\"crv\":\"Dilithium2\",\"pub\""), pqk.replacing("\"x\"", with: "\"pub\""),
            pqk.replacing("\"crv\":\"Dilithium2\",", with: ""),
            pqk.replacing("\"crv\":\"Dilithium2\"", with: "\"crv\":\"Dilithium3\""),
            pqk.replacing("\"alg\":\"Dilithium2\",", with: ""), akp.replacing("\"alg\":\"ML-DSA-44\",", with: ""),
            pqk.replacing("PQK", with: "AKP"), akp.replacing("AKP", with: "PQK"),
            pqk.replacing("\"kid\":\"a\",", with: ""), pqk.replacing("\"a\"", with: "\"\""),
            pqk.replacing("\"a\"", with: "7"),
            pqk.replacing("\"a\"", with: "\"a\\n\""),
            pqk.replacing("\"a\"", with: "\"\(String(repeating: "a", count: 513))\""),
            pqk.replacing(x, with: String(x.dropLast(2))), pqk.replacing(x, with: x + "AA"), pqk.replacing(x, with: ""),
            pqk.replacing(x, with: String(x.dropLast()) + "B"), pqk.replacing(x, with: x + "=="),
            pqk.replacing(x, with: "7"),
            pqk.replacing("{", with: "{\"priv\":\"AA\","), akp.replacing("{", with: "{\"priv\":\"AA\","),
            pqk.replacing("{", with: "{\"d\":\"AA\","), rsa.replacing("{", with: "{\"d\":\"AA\","),
            rsa.replacing("{", with: "{\"k\":\"AA\","), pqk.replacing("{", with: "{\"s\":null,"),
            rsa.replacing("\"c\"", with: "\"z\""), akp.replacing("\"b\"", with: "\"z\""), "7", "null", "[]",
        ])
    func refusesKeys(key: String) {
        let neighbour = Self.pqk.replacing("\"a\"", with: "\"z\"")
        #expect(throws: Failure.self) { try Self.keys(neighbour, key) }
        #expect(throws: Never.self) { try Self.keys(neighbour) }
    }

    @Test(
        "What is no key set",
        arguments: [
            "", "<!DOCTYPE html><html></html>", "{}", "[]", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[\(rsa)]}",
            "{\"keys\":[\(pqk)]", "{\"keys\":[\(pqk)],\"keys\":[\(pqk)]}", "\u{FEFF}{\"keys\":[\(pqk)]}",
            "{\"keys\":[\(pqk),]}",
        ])
    func refusesDocuments(text: String) {
        #expect(throws: Failure.self) { try KeySetDocument(parsing: Bytes(text)) }
    }

    @Test("Too many keys, too many bytes")
    func refusesTooMuch() throws {
        let many = (0...Limits.keysPerSet).map { Self.rsa.replacing("\"c\"", with: "\"c\($0)\"") }
        #expect(throws: Failure.self) {
            try KeySetDocument(parsing: Bytes("{\"keys\":[\(many.joined(separator: ","))]}"))
        }
        let large = "{\"keys\":[\(Self.pqk)],\"x\":\"" + String(repeating: "x", count: Limits.keySetBytes) + "\"}"
        #expect(throws: Failure.self) { try KeySetDocument(parsing: Bytes(large)) }
        let fits = "{\"keys\":[\(Self.pqk)],\"x\":\"" + String(repeating: "x", count: 100_000) + "\"}"
        #expect(throws: Never.self) { try KeySetDocument(parsing: Bytes(fits)) }
    }

    @Test(
        "Addresses where nobody on the way can write",
        arguments: [
            "https://keys.test/keys/jwks-pqc", "https://keys.test:8443/", "http://127.0.0.1:8080/keys",
            "http://localhost/keys",
            "http://[::1]:80/keys", "unix:/run/keys.sock:/keys/jwks-pqc",
        ])
    func takesAddresses(url: String) throws {
        #expect(throws: Never.self) { try KeySetAddress(parsing: url) }
    }

    @Test(
        "Addresses of anybody",
        arguments: [
            "", "keys", "http://keys.test/", "http://127.0.0.1.evil.test/", "http://localhost@evil.test/",
            "ftp://keys.test/",
            "https://a:b@keys.test/", "http://localhost\\@evil.test/", "https:///keys", "unix:/run/keys.sock",
            "unix:run:/keys",
            "http://128.0.0.1/", "http://127.evil.test/", "https://keys.test/ x", "file:///etc/passwd",
            "HTTP://localhost/",
        ])
    func refusesAddresses(url: String) {
        #expect(throws: Failure.self) { try KeySetAddress(parsing: url) }
    }
}
