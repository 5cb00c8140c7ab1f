import Glibc

/// A run of bytes within a shared buffer: slicing a body copies nothing.
public typealias Bytes = ArraySlice<UInt8>

extension Bytes {
    public init(_ text: String) { self = ArraySlice(Array(text.utf8)) }

    /// The bytes as text, with what is not UTF-8 replaced. For people and logs, never for identity.
    public var text: String { String(decoding: self, as: UTF8.self) }
}

extension String {
    /// By bytes: Unicode calls more texts equal.
    public func hasSameBytes(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let isSame = utf8.withContiguousStorageIfAvailable { mine in
            other.utf8.withContiguousStorageIfAvailable { its in
                guard let mine = mine.baseAddress, let its = its.baseAddress else { return true }
                return memcmp(mine, its, other.utf8.count) == 0
            }
        }
        return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
    }
}

/// A SHA-256 digest (FIPS 180-4).
public struct Digest: Hashable, Comparable, Sendable {
    public let high: (UInt64, UInt64)
    public let low: (UInt64, UInt64)

    /// The digest as four big-endian words.
    @inlinable public init(high: (UInt64, UInt64), low: (UInt64, UInt64)) {
        self.high = high
        self.low = low
    }

    /// - Parameter bytes: exactly 32 bytes; `nil` is returned for any other length.
    @inlinable public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
        self.init(
            high: (UInt64(bigEndian: words.0), UInt64(bigEndian: words.1)),
            low: (UInt64(bigEndian: words.2), UInt64(bigEndian: words.3)))
    }

    public var bytes: [UInt8] {
        let words = (high.0.bigEndian, high.1.bigEndian, low.0.bigEndian, low.1.bigEndian)
        return withUnsafeBytes(of: words) { [UInt8]($0) }
    }

    /// Lower-case hexadecimal, 64 characters.
    public var hexadecimal: String {
        String(unsafeUninitializedCapacity: 64) { text in
            var position = 0
            for word in [high.0, high.1, low.0, low.1] {
                for shift in stride(from: 60, through: 0, by: -4) {
                    let digit = UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15
                    text[position] = digit + (digit < 10 ? 48 : 87)
                    position += 1
                }
            }
            return position
        }
    }

    public static func == (a: Digest, b: Digest) -> Bool { a.high == b.high && a.low == b.low }
    public static func < (a: Digest, b: Digest) -> Bool {
        (a.high.0, a.high.1, a.low.0, a.low.1) < (b.high.0, b.high.1, b.low.0, b.low.1)
    }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(high.0)
        hasher.combine(high.1)
    }
}
