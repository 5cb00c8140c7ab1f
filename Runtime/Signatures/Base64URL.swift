import CDilithium

/// base64url without padding (RFC 4648, section 5), one text for one value: bits that the last character has to spare
/// must be zero, and nothing but the 64 characters is taken. Else one signature would have many spellings.
public enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// Bytes that so many characters decode to; `nil` for a count that no value has.
    public static func decodedCount(_ characters: Int) -> Int? {
        characters % 4 == 1 ? nil : characters / 4 * 3 + max(0, characters % 4 - 1)
    }

    /// `nil` for anything but the one text of a value.
    public static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? { decode(text, text.indices) }

    /// The same for a part of a text.
    static func decode(_ text: ArraySlice<UInt8>, _ part: Range<Int>) -> [UInt8]? {
        guard let size = decodedCount(part.count) else { return nil }
        let origin = text.startIndex
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { output, count in
            isValid = text.withUnsafeBufferPointer { text in
                let part = UnsafeBufferPointer(rebasing: text[part.lowerBound - origin..<part.upperBound - origin])
                return base64url_decode(part.baseAddress, part.count, output.baseAddress) == 1
            }
            count = size
        }
        return isValid ? bytes : nil
    }

    /// The length of what ``encode(_:)`` makes of so many bytes.
    static func encodedCount(_ bytes: Int) -> Int { (4 * bytes + 2) / 3 }

    public static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 4 + 2) / 3)
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            buffer = buffer &<< 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(alphabet[Int(buffer &>> bits & 63)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(buffer &<< (6 - bits) & 63)]) }
        return text
    }
}
