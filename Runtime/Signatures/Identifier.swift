import Events

/// Names that come from outside: short, of printable characters, so that they can name rows, labels and log fields.
enum Identifier {
    /// UTF-8 without NUL and control characters (C0, DEL, C1), at most ``Limits/identifierBytes``.
    static func isText(_ bytes: Bytes) -> Bool {
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
    static func isKeyID(_ bytes: Bytes) -> Bool {
        !bytes.isEmpty && bytes.count <= Limits.identifierBytes && bytes.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
