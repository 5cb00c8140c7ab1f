import Events

/// Ids of events that are handed in: UUIDs of version 7 (RFC 9562, section 5.7), so that they sort by time.
enum EventIdentifier {
    static func make(at now: Instant, _ random: inout some RandomNumberGenerator) -> String {
        let time = UInt64(max(0, now.unixMilliseconds)) << 16
        let high = time | 0x7000 | UInt64.random(in: 0...0x0FFF, using: &random)
        let low = 0x8000_0000_0000_0000 | (UInt64.random(in: .min ... .max, using: &random) >> 2)
        let digits = hexadecimal(high) + hexadecimal(low)
        let parts = [digits[0..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20..<32]]
        return parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "-")
    }

    private static func hexadecimal(_ word: UInt64) -> [UInt8] {
        stride(from: 60, through: 0, by: -4).map { shift in
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15
            return digit + (digit < 10 ? 48 : 87)
        }
    }
}
