import CDilithium
import Signatures
import Testing

@Suite("base64url")
struct Base64URLTests {
    @Test(
        "The examples of RFC 4648, without padding",
        arguments: [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"), ("\u{3FB}\u{3FF}", "z7vPvw"),
        ])
    func examples(plain: String, coded: String) {
        #expect(Base64URL.encode(plain.utf8) == Array(coded.utf8))
        #expect(Base64URL.decode(Array(coded.utf8)[...]) == Array(plain.utf8))
    }

    @Test("Every length and byte comes back")
    func roundTrip() {
        for count in 0..<260 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
            #expect(Base64URL.decode(Base64URL.encode(bytes)[...]) == bytes)
            #expect(Base64URL.decodedCount(Base64URL.encode(bytes).count) == count)
        }
    }

    @Test(
        "One value has one text",
        arguments: [
            "Zh", "Zi", "Z/", "Zm9", "Zg==", "Zm8=", "Zm9v\n", " Zm9v", "Zm+v", "Zm/v", "Z", "Zm9vZ", "Zm9v.",
            "Zg\u{0}A", "ZgÄ",
        ])
    func refuses(text: String) {
        #expect(Base64URL.decode(Array(text.utf8)[...]) == nil)
    }

    @Test("Of all last characters, one in sixteen or in four is the right one")
    func spareBits() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        #expect(alphabet.count { Base64URL.decode([0x41, $0]) != nil } == 4)
        #expect(alphabet.count { Base64URL.decode([0x41, 0x41, $0]) != nil } == 16)
    }

    @Test("Vectors and the portable way say the same of each byte at each place")
    func paths() {
        let text = Base64URL.encode((0..<99).map { UInt8(truncatingIfNeeded: $0 &* 151) })
        for place in text.indices {
            for byte in UInt8.min...UInt8.max {
                var text = text
                text[place] = byte
                var (vectors, portable) = ([UInt8](repeating: 0, count: 99), [UInt8](repeating: 0, count: 99))
                let verdict = base64url_decode(text, text.count, &vectors)
                #expect(verdict == base64url_decode_portable(text, text.count, &portable))
                #expect(verdict == 0 || vectors == portable)
            }
        }
    }
}
