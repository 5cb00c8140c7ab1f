// SHA-256, HMAC and MD5: one way to call them, from any bytes, without a heap allocation for the state.

public import Events
internal import CCryptoBoringSSL
internal import CDilithium

/// Hashes over public data and messages. Any number of bytes is taken, also none.
public enum Hash {
    /// SHA-256 (FIPS 180-4) of arrays, slices, UTF-8 views; bytes that lie in one piece are not copied.
    @inlinable public static func sha256(_ bytes: some Collection<UInt8>) -> Digest {
        withBuffer(of: bytes) { sha256(buffer: $0) }
    }

    /// SHA-256 of the parts one after the other, as if they were one.
    public static func sha256(parts: [Bytes]) -> Digest {
        var stream = SHA256Stream()
        for part in parts { stream.update(part) }
        return stream.finish()
    }

    /// SHA-256 of a buffer that the caller owns for the time of the call.
    public static func sha256(buffer: UnsafeRawBufferPointer) -> Digest {
        Digest.written { CCryptoBoringSSL_SHA256(buffer.bindMemory(to: UInt8.self).baseAddress, buffer.count, $0) }
    }

    /// SHA-256 of each. Eight that are short cost less together.
    public static func sha256(each messages: [Bytes]) -> [Digest] {
        var digests: [Digest] = []
        digests.reserveCapacity(messages.count)
        var start = 0
        var eight: [sha256_message] = []
        while start + 8 <= messages.count, messages[start..<start + 8].allSatisfy({ $0.count <= shortBytes }) {
            eight.removeAll(keepingCapacity: true)
            guard sha256(messages, start..<start + 8, after: &eight, into: &digests) else { break }
            start += 8
        }
        for place in start..<messages.count { digests.append(sha256(messages[place])) }
        return digests
    }

    /// Eight take as long as the longest of them: it may not be much longer than the others.
    private static let shortBytes = 4_096

    /// Every message must stay where it is until all are hashed: each level of this recursion holds one of them.
    private static func sha256(
        _ messages: [Bytes], _ places: Range<Int>, after eight: inout [sha256_message], into digests: inout [Digest]
    ) -> Bool {
        guard let place = places.first else {
            return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { bytes in
                guard let start = bytes.baseAddress, sha256_eight(eight, start) != 0 else { return false }
                for digest in stride(from: start, to: start + 256, by: 32) {
                    digests.append(Digest.written { $0?.update(from: digest, count: 32) })
                }
                return true
            }
        }
        return messages[place].withUnsafeBufferPointer { buffer in
            eight.append(sha256_message(bytes: buffer.baseAddress, count: buffer.count))
            return sha256(messages, places.dropFirst(), after: &eight, into: &digests)
        }
    }

    /// MD5 (RFC 1321), 16 bytes. Only where a protocol asks for it (SQS: MD5OfMessageBody): it protects nothing.
    public static func md5(_ bytes: some Collection<UInt8>) -> [UInt8] {
        withBuffer(of: bytes) { buffer in
            [UInt8](unsafeUninitializedCapacity: 16) { output, count in
                _ = CCryptoBoringSSL_MD5(
                    buffer.bindMemory(to: UInt8.self).baseAddress, buffer.count, output.baseAddress)
                count = 16
            }
        }
    }

    @inlinable
    static func withBuffer<Result>(
        of bytes: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        bytes.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) }
            ?? [UInt8](bytes).withUnsafeBytes(body)
    }
}

/// SHA-256 over bytes that arrive piece by piece: files, parts of a message. A value: a copy goes on by itself.
public struct SHA256Stream: Sendable {
    private var state = SHA256_CTX()

    public init() { CCryptoBoringSSL_SHA256_Init(&state) }

    public mutating func update(_ bytes: some Collection<UInt8>) {
        Hash.withBuffer(of: bytes) { buffer in
            _ = CCryptoBoringSSL_SHA256_Update(&state, buffer.baseAddress, buffer.count)
        }
    }

    /// The digest of everything so far; the stream may go on afterwards.
    public func finish() -> Digest {
        var last = state
        return Digest.written { CCryptoBoringSSL_SHA256_Final($0, &last) }
    }
}

/// A key for HMAC-SHA256 (RFC 2104, FIPS 198-1), for many messages: what depends on the key alone is hashed once.
public struct HMACKey: Sendable {
    private var inner = SHA256Stream()
    private var outer = SHA256Stream()
    private static let blockBytes = 64

    public init(_ key: some Collection<UInt8>) {
        var block = key.count > Self.blockBytes ? Hash.sha256(key).bytes : Array(key)
        block += [UInt8](repeating: 0, count: Self.blockBytes - block.count)
        inner.update(block.map { $0 ^ 0x36 })
        outer.update(block.map { $0 ^ 0x5C })
    }

    public func code(of message: [UInt8]) -> Digest { message.withUnsafeBytes { code(buffer: $0) } }

    /// Of a buffer that the caller owns for the time of the call.
    public func code(buffer message: UnsafeRawBufferPointer) -> Digest {
        var (inner, outer) = (inner, outer)
        inner.update(message)
        let digest = inner.finish()
        let words = (
            digest.high.0.bigEndian, digest.high.1.bigEndian, digest.low.0.bigEndian, digest.low.1.bigEndian
        )
        withUnsafeBytes(of: words) { outer.update($0) }
        return outer.finish()
    }
}

extension Digest {
    /// The digest that `fill` writes: 32 bytes at the pointer it is given.
    fileprivate static func written<Ignored>(by fill: (UnsafeMutablePointer<UInt8>?) -> Ignored) -> Digest {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { _ = fill($0.bindMemory(to: UInt8.self).baseAddress) }
        return Digest(
            high: (UInt64(bigEndian: words.0), UInt64(bigEndian: words.1)),
            low: (UInt64(bigEndian: words.2), UInt64(bigEndian: words.3)))
    }
}

/// Compares secrets in time that depends on their lengths alone.
public func constantTimeEqual(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
    Hash.withBuffer(of: a) { a in
        Hash.withBuffer(of: b) { b in
            a.count == b.count && CCryptoBoringSSL_CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count) == 0
        }
    }
}
