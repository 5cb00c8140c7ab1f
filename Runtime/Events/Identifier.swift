/// Names that come from outside: short, of printable characters, so that they can name rows, labels and log fields.
public enum Identifier {
    /// UTF-8 without NUL and control characters (C0, DEL, C1), at most ``Limits/identifierBytes``.
    public static func isText(_ bytes: some Collection<UInt8>) -> Bool {
        guard bytes.count <= Limits.identifierBytes else { return false }
        var previous: UInt8 = 0
        for byte in bytes {
            if byte < 0x20 || byte == 0x7F { return false }
            if previous == 0xC2 && byte < 0xA0 { return false }
            previous = byte
        }
        return true
    }

    /// Visible ASCII, at least one character.
    public static func isKeyID(_ bytes: Bytes) -> Bool {
        !bytes.isEmpty && bytes.count <= Limits.identifierBytes && bytes.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// `00-<32 hex>-<16 hex>-<2 hex>` (W3C Trace Context, section 3.2.2).
    public static func isTraceParent(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        return parts.map(\.count) == [2, 32, 16, 2] && parts[0].elementsEqual("00".utf8)
            && parts.joined().allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
