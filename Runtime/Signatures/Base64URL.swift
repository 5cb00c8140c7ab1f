/// base64url without padding (RFC 4648, section 5), one text for one value: bits that the last character has to spare
/// must be zero, and nothing but the 64 characters is taken. Else one signature would have many spellings.
public enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let invalid: UInt8 = 0xFF
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: invalid, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// Bytes that so many characters decode to; `nil` for a count that no value has.
    public static func decodedCount(_ characters: Int) -> Int? {
        characters % 4 == 1 ? nil : characters / 4 * 3 + max(0, characters % 4 - 1)
    }

    /// `nil` for anything but the one text of a value.
    public static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard let size = decodedCount(text.count) else { return nil }
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { output, count in
            isValid = text.withUnsafeBufferPointer { input in
                values.withUnsafeBufferPointer { decode(input, with: $0, to: output) }
            }
            count = size
        }
        return isValid ? bytes : nil
    }

    private static func decode(
        _ input: UnsafeBufferPointer<UInt8>, with values: UnsafeBufferPointer<UInt8>,
        to output: UnsafeMutableBufferPointer<UInt8>
    ) -> Bool {
        var seen: UInt8 = 0
        var from = 0
        var to = 0
        while from &+ 4 <= input.count {
            let a = values[Int(input[from])]
            let b = values[Int(input[from &+ 1])]
            let c = values[Int(input[from &+ 2])]
            let d = values[Int(input[from &+ 3])]
            seen |= a | b | c | d
            output[to] = a &<< 2 | b &>> 4
            output[to &+ 1] = b &<< 4 | c &>> 2
            output[to &+ 2] = c &<< 6 | d
            from &+= 4
            to &+= 3
        }
        let left = input.count &- from
        if left >= 2 {
            let a = values[Int(input[from])]
            let b = values[Int(input[from &+ 1])]
            let c = left == 3 ? values[Int(input[from &+ 2])] : 0
            seen |= a | b | c
            let spare = left == 3 ? c & 0b11 : b & 0b1111
            guard spare == 0 else { return false }
            output[to] = a &<< 2 | b &>> 4
            if left == 3 { output[to &+ 1] = b &<< 4 | c &>> 2 }
        }
        return seen < 64
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
