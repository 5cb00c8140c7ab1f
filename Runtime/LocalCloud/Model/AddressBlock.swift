import Glibc

/// A block of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3).
struct AddressBlock: Sendable {
    private let address: [UInt8]
    private let length: Int

    /// - Throws: `invalidEventPattern`.
    init(_ text: String) throws(ServiceError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let address = AddressBlock.address(String(parts[0])), parts.count <= 2 else {
            throw EventPattern.refusal("Malformed CIDR: \(text.prefix(64))")
        }
        let length = parts.count == 2 ? Int(parts[1]) : address.count * 8
        guard let length, (0...address.count * 8).contains(length) else {
            throw EventPattern.refusal("Malformed CIDR, bad mask: \(text.prefix(64))")
        }
        self.address = address
        self.length = length
    }

    func contains(_ text: String) -> Bool {
        guard let other = AddressBlock.address(text), other.count == address.count else { return false }
        let whole = length / 8
        guard other.prefix(whole) == address.prefix(whole) else { return false }
        let mask = UInt8(truncatingIfNeeded: 0xFF00 >> (length % 8))
        return length % 8 == 0 || other[whole] & mask == address[whole] & mask
    }

    /// Four bytes, or sixteen.
    private static func address(_ text: String) -> [UInt8]? {
        var version4 = in_addr()
        if inet_pton(AF_INET, text, &version4) == 1 { return withUnsafeBytes(of: version4) { Array($0) } }
        var version6 = in6_addr()
        if inet_pton(AF_INET6, text, &version6) == 1 { return withUnsafeBytes(of: version6) { Array($0) } }
        return nil
    }
}
