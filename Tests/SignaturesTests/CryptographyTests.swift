// Hashes against their published examples, and what a signing key promises beside correct signatures.

import Cryptography
import Events
import Support
import Testing

@Suite("Hashes")
struct HashTests {
    @Test(
        "SHA-256: the examples of FIPS 180-4",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func sha256(text: String, expected: String) {
        #expect(Hash.sha256(text.utf8).hexadecimal == expected)
        #expect(Hash.sha256(Array(text.utf8)).hexadecimal == expected)
        #expect(Hash.sha256(Bytes("x" + text).dropFirst()).hexadecimal == expected)
        #expect(Hash.sha256(text.utf8.reversed().reversed() as [UInt8]).hexadecimal == expected)
        #expect(Hash.sha256(text.utf8.lazy.map { $0 }).hexadecimal == expected)
    }

    @Test("SHA-256 of many at once says the same as of each, whatever their lengths", arguments: 0..<40)
    func sha256OfEach(round: Int) {
        var random = SeededGenerator(seed: UInt64(round))
        let longest = round % 8 == 7 ? 9_000 : round < 8 ? 20 * (round + 1) : 700
        let messages = (0..<Int.random(in: 0...33, using: &random)).map { _ in
            let count = Int.random(in: 0...longest, using: &random)
            return Bytes((0..<count + 3).map { _ in UInt8.random(in: 0...255, using: &random) }).dropFirst(3)
        }
        #expect(Hash.sha256(each: messages) == messages.map { Hash.sha256($0) })
    }

    @Test("SHA-256 of a million letters, streamed, and of a copy that went on by itself")
    func stream() {
        var stream = SHA256Stream()
        let piece = [UInt8](repeating: UInt8(ascii: "a"), count: 1000)
        for _ in 0..<999 { stream.update(piece) }
        var copy = stream
        copy.update([1, 2, 3] as [UInt8])
        stream.update(piece[...])
        #expect(
            stream.finish().hexadecimal == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
        #expect(stream.finish() != copy.finish())
        #expect(SHA256Stream().finish() == Hash.sha256([]))
    }

    @Test("parts hash as the whole")
    func parts() {
        let whole = Bytes((0..<300).map { UInt8($0 & 255) })
        #expect(Hash.sha256(parts: [whole[..<1], whole[1..<1], whole[1..<200], whole[200...]]) == Hash.sha256(whole))
        #expect(Hash.sha256(parts: []) == Hash.sha256([]))
    }

    @Test(
        "HMAC-SHA256: cases of RFC 4231",
        arguments: [
            (
                [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                [UInt8](repeating: 0xaa, count: 131),
                Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
        ])
    func hmac(key: [UInt8], message: [UInt8], expected: String) {
        #expect(HMACKey(key).code(of: message).hexadecimal == expected)
    }

    @Test("HMAC-SHA256 of an empty message under an empty key")
    func emptyHMAC() {
        #expect(
            HMACKey([]).code(of: []).hexadecimal
                == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test(
        "MD5: examples of RFC 1321",
        arguments: [
            ("", "d41d8cd98f00b204e9800998ecf8427e"), ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ])
    func md5(text: String, expected: String) {
        #expect(Hash.md5(text.utf8) == [UInt8](hexadecimal: expected))
    }

    @Test("digests keep their bytes, and take no other number of them")
    func digests() throws {
        let bytes = (0..<32).map { UInt8($0 * 8) }
        let digest = try #require(Digest(bytes))
        #expect(digest.bytes == bytes)
        #expect([UInt8](hexadecimal: digest.hexadecimal) == bytes)
        #expect(Digest(Bytes([9] + bytes).dropFirst()) == digest)
        #expect(Digest(bytes.dropLast()) == nil)
        #expect(Digest(bytes + [0]) == nil)
        #expect(try #require(Digest(bytes.reversed())) > digest)
    }

    @Test("constant-time comparison finds every difference")
    func comparison() {
        let secret = (0..<32).map { UInt8($0) }
        #expect(constantTimeEqual(secret, secret[...]))
        #expect(constantTimeEqual([], [UInt8]()))
        #expect(!constantTimeEqual(secret, secret.dropLast()))
        for index in secret.indices {
            var other = secret
            other[index] ^= 0x80
            #expect(!constantTimeEqual(secret, other))
        }
    }
}

@Suite("Signing keys")
struct SigningKeyTests {
    @Test("a seed makes the same key each time, and is given back")
    func seeds() throws {
        let seed = (0..<32).map { UInt8($0) }
        let key = try SigningKey(seed: seed)
        #expect(key.seed == seed)
        #expect(key.publicKey.count == SigningKey.publicKeyBytes)
        #expect(try SigningKey(seed: seed).publicKey == key.publicKey)
        #expect(SigningKey.generate().publicKey != SigningKey.generate().publicKey)
    }

    @Test("a seed of another length is refused", arguments: [0, 31, 33, 64, 2560])
    func seedLengths(count: Int) {
        let failure = #expect(throws: Failure.self) { try SigningKey(seed: [UInt8](repeating: 1, count: count)) }
        #expect(failure?.code == .settingsInvalid)
    }

    @Test("two signatures of one message differ and both verify")
    func hedged() throws {
        let key = SigningKey.generate()
        let message = Array("message".utf8)
        let signatures = try (0..<2).map { _ in try key.sign(message, as: .mldsa44) }
        #expect(signatures[0] != signatures[1])
        for signature in signatures {
            #expect(signature.count == SigningKey.signatureBytes)
            #expect(boringSSLAccepts(key.publicKey, message, signature))
        }
    }

    @Test("one key signs in many tasks at once")
    func concurrency() async throws {
        let key = SigningKey.generate()
        let verifier = ManifoldKey(key.publicKey)
        let signatures = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for number in 0..<8 { group.addTask { try key.sign([UInt8(number)], as: .ipd) } }
            return try await group.reduce(into: [[UInt8]]()) { $0.append($1) }
        }
        for number in 0..<8 as Range<UInt8> {
            #expect(signatures.contains { verifier.verify([[number]], $0) != nil })
        }
    }
}
