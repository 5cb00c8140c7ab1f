/// Names that come from outside: short, of printable characters, so that they can name rows, labels and log fields.
public enum Identifier {
    /// UTF-8 without NUL and control characters (C0, DEL, C1), at most ``Limits/identifierBytes``.
    @inlinable public static func isText(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.withContiguousStorageIfAvailable { isText(buffer: $0) }
            ?? [UInt8](bytes).withUnsafeBufferPointer { isText(buffer: $0) }
    }

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highest: UInt64 = 0x8080_8080_8080_8080

    @usableFromInline static func isText(buffer bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.count <= Limits.identifierBytes else { return false }
        var start = 0
        // Eight at a time, as long as they are ASCII: the highest bit of each tells which are not, or are too low.
        while start + 8 <= bytes.count {
            let eight = UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: start, as: UInt64.self)
            guard eight & highest == 0 else { break }
            let deletes = eight ^ (ones &* 0x7F)
            let isControl = (eight &- ones &* 0x20) | ((deletes &- ones) & ~deletes)
            if isControl & highest != 0 { return false }
            start += 8
        }
        var previous: UInt8 = 0
        for byte in bytes[start...] {
            if byte < 0x20 || byte == 0x7F { return false }
            if previous == 0xC2 && byte < 0xA0 { return false }
            previous = byte
        }
        return true
    }

    /// Visible ASCII, at least one character.
    @inlinable public static func isKeyID(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.withContiguousStorageIfAvailable { isKeyID(buffer: $0) }
            ?? [UInt8](bytes).withUnsafeBufferPointer { isKeyID(buffer: $0) }
    }

    @usableFromInline static func isKeyID(buffer bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.count <= Limits.identifierBytes && bytes.allSatisfy { $0 >= 0x21 && $0 <= 0x7E }
    }

    /// `00-<32 hex>-<16 hex>-<2 hex>` (W3C Trace Context, section 3.2.2).
    public static func isTraceParent(_ text: String) -> Bool {
        text.utf8.count == 55 && text.utf8.starts(with: "00-".utf8)
            && text.utf8.enumerated().allSatisfy { index, byte in
                index == 2 || index == 35 || index == 52
                    ? byte == UInt8(ascii: "-") : (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
            }
    }
}
