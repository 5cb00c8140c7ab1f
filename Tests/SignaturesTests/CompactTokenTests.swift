import Cryptography
import Events
import JSON
import Support
import Testing

@testable import Signatures

@Suite("Compact token")
struct CompactTokenTests {
    static let signature = String(repeating: "A", count: 3227)

    static func token(_ header: String, payload: String = "e30", signature: String = signature) -> Bytes {
        Bytes(String(decoding: Base64URL.encode(header.utf8), as: UTF8.self) + "." + payload + "." + signature)
    }

    static func code(_ token: Bytes) -> FailureCode? {
        do {
            _ = try CompactToken(parsing: token)
            return nil
        } catch {
            return error.code
        }
    }

    static let header =
        #"{"alg":"Dilithium2","kid":"k","ts":"2025-09-01T12:34:56Z","hash":"SHA-256","typ":"QSL-JWS-PQC"}"#

    @Test("A header says what it says")
    func readsHeaders() throws {
        let token = try CompactToken(
            parsing: Self.token(
                Self.header.dropLast() + #","src":"s","dt":"d","res":"","jti":"j","x-mine":[1]}"#))
        #expect(
            token.header
                == TokenHeader(
                    algorithm: .dilithium2, keyID: "k", signedAt: Instant(unixMilliseconds: 1_756_730_096_000),
                    source: "s", detailType: "d", resource: "", id: "j"))
        #expect(token.header.isBound)
        #expect(token.payload.text == "{}")
        let standard = try CompactToken(parsing: Self.token(#"{"alg":"ML-DSA-44","kid":"k","iat":1756730096}"#))
        #expect(standard.header.algorithm == .mldsa44)
        #expect(standard.header.signedAt == token.header.signedAt)
        #expect(!standard.header.isBound)
    }

    @Test(
        "Shapes that are no token",
        arguments: [
            "", "a", "a.b", "a.b.c.d", "..", "e30..AA", ".e30.AA", "e30.e30.", "{\"payload\":\"\"}",
        ])
    func refusesShapes(text: String) {
        #expect(Self.code(Bytes(text)) == .verifyMalformed)
    }

    @Test("Text that is not base64url, or not its only spelling")
    func refusesSpellings() {
        #expect(Self.code(Self.token(Self.header)) == nil)
        #expect(Self.code(Self.token(Self.header, payload: "e31")) == .verifyMalformed)
        #expect(Self.code(Self.token(Self.header, payload: "e30=")) == .verifyMalformed)
        #expect(Self.code(Self.token(Self.header, payload: "e3 0")) == .verifyMalformed)
        #expect(
            Self.code(Self.token(Self.header, signature: String(Self.signature.dropLast()) + "B")) == .verifyMalformed)
        #expect(
            Self.code(Self.token(Self.header, signature: String(Self.signature.dropLast()) + "+")) == .verifyMalformed)
        #expect(Self.code(Bytes("!" + Self.token(Self.header).text)) == .verifyMalformed)
    }

    @Test("Signatures of another length", arguments: [3224, 3226, 3228, 3230, 4412, 2])
    func refusesLengths(count: Int) {
        let signature = String(repeating: "A", count: count)
        #expect(Self.code(Self.token(Self.header, signature: signature)) == .verifyBadLength)
    }

    @Test(
        "Members that would change what is verified, or with what",
        arguments: [
            #""crit":["ts"]"#, #""b64":false"#, #""zip":"DEF""#, #""jku":"https://evil.test/""#, #""jwk":{}"#,
            #""x5u":"https://evil.test/""#, #""x5c":[]"#, #""x5t":"a""#, #""x5t#S256":"a""#, #""j\u0077k":null"#,
            #""alg":"Dilithium2""#, #""\u006bid":"k""#,
        ])
    func refusesMembers(member: String) {
        #expect(Self.code(Self.token(Self.header.dropLast() + "," + member + "}")) == .verifyMalformed)
    }

    @Test(
        "Algorithms that are none of ours",
        arguments: [
            #""none""#, #""HS256""#, #""RS256""#, #""ml-dsa-44""#, #""ML-DSA-65""#, #""dilithium2""#, #""Dilithium3""#,
            "null", "7", #"["Dilithium2"]"#, #""""#, #""Dilithium2 ""#,
        ])
    func refusesAlgorithms(algorithm: String) {
        let header = Self.header.replacing("\"Dilithium2\"", with: algorithm)
        #expect(Self.code(Self.token(header)) == .verifyBadAlgorithm)
    }

    @Test(
        "Headers with a member missing, of another type, or out of bounds",
        arguments: [
            ("\"alg\":\"Dilithium2\",", "", FailureCode.verifyBadAlgorithm), ("\"kid\":\"k\",", "", .verifyMalformed),
            ("\"k\"", "\"\"", .verifyMalformed), ("\"k\"", "7", .verifyMalformed),
            ("\"k\"", "\"a b\"", .verifyMalformed),
            ("\"k\"", "\"a\\u0000\"", .verifyMalformed), ("\"k\"", "\"ä\"", .verifyMalformed),
            ("\"k\"", "\"\(String(repeating: "k", count: 513))\"", .verifyMalformed),
            ("SHA-256", "SHA-512", .verifyBadAlgorithm), (",\"hash\":\"SHA-256\"", "", .verifyBadAlgorithm),
            ("QSL-JWS-PQC", "JWT", .verifyBadAlgorithm), ("\"QSL-JWS-PQC\"", "null", .verifyBadAlgorithm),
            ("2025-09-01T12:34:56Z", "yesterday", .verifyMalformed),
            ("\"2025-09-01T12:34:56Z\"", "1756730096", .verifyMalformed),
            ("{\"alg\"", "{\"jti\":\"\",\"alg\"", .verifyMalformed),
            ("{\"alg\"", "{\"jti\":7,\"alg\"", .verifyMalformed),
            ("{\"alg\"", "{\"src\":\"a\\u0007\",\"alg\"", .verifyMalformed),
            ("{\"alg\"", "{\"res\":\"\\u0085\",\"alg\"", .verifyMalformed), ("{\"alg\"", "[\"alg\"", .verifyMalformed),
        ])
    func refusesHeaders(part: String, replacement: String, code: FailureCode) {
        #expect(Self.code(Self.token(Self.header.replacing(part, with: replacement))) == code)
    }

    @Test(
        "Times of RFC 9964 tokens that are no seconds",
        arguments: ["-1", "1e9", "1756730096000", "\"1756730096\"", "1.5"])
    func refusesTimes(iat: String) {
        #expect(Self.code(Self.token(#"{"alg":"ML-DSA-44","kid":"k","iat":\#(iat)}"#)) == .verifyMalformed)
    }

    @Test("A header that is too long is not even decoded")
    func refusesLongHeaders() {
        let header = Self.header.dropLast() + ",\"x\":\"" + String(repeating: "x", count: 5000) + "\"}"
        #expect(Self.code(Self.token(String(header))) == .verifyMalformed)
    }

    @Test("The example of RFC 9964 verifies, and its key and thumbprint are its own")
    func joseExample() throws {
        let example = try JSONValue.parse(Fixtures.data("jose/ML_DSA_44.jose.json"))
        let jwk = try #require(example["jwk"])
        let token = try #require(example["jws"]?.string)
        let privateKey = try PrivateKey(parsing: jwk.serialised()[...])
        #expect(privateKey.keyID == jwk["kid"]?.string)
        #expect(KeyTool.thumbprint(of: privateKey.key.publicKey) == privateKey.keyID)
        let keySet = KeyTool.publicDocument([privateKey], as: .akp)
        let verdict = try KeyTool.verify(Bytes(token), keySet: keySet[...])
        #expect(verdict.variant == .mldsa44)
        #expect(verdict.payload.text.hasPrefix("It’s a dangerous business, Frodo"))
        #expect(!verdict.isCanonical)
        var forged = Array(token.utf8)
        forged[token.utf8.count / 2] ^= 1
        #expect(throws: Failure.self) { try KeyTool.verify(forged[...], keySet: keySet[...]) }
    }
}
