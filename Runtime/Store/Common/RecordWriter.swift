public import Events

/// Values one after the other in one buffer that is used again: what is kept as a whole needs no column of its own.
///
/// Numbers are seven bits a byte, the least first, with the sign in the lowest bit (LEB128 after zigzag); texts and
/// bytes are preceded by their length as such a number; what may be missing by a byte 0 or 1. So no two lists of values
/// are written alike.
public struct RecordWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() { bytes.reserveCapacity(1_024) }

    public var count: Int { bytes.count }

    public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    @inlinable public mutating func add(_ number: Int) { add(Int64(number)) }

    public mutating func add(_ number: Int64) { addLength(UInt64(bitPattern: (number << 1) ^ (number >> 63))) }

    public mutating func add(_ number: Int64?) {
        bytes.append(number == nil ? 0 : 1)
        if let number { add(number) }
    }

    public mutating func add(_ text: String) {
        let utf8 = text.utf8
        addLength(UInt64(utf8.count))
        if utf8.withContiguousStorageIfAvailable({ bytes.append(contentsOf: $0) }) == nil {
            bytes.append(contentsOf: utf8)
        }
    }

    public mutating func add(_ digest: Digest) { digest.withUnsafeBytes { bytes.append(contentsOf: $0) } }

    public mutating func add(_ digest: Digest?) {
        bytes.append(digest == nil ? 0 : 1)
        if let digest { add(digest) }
    }

    private mutating func addLength(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    // MARK: - what precedes a record

    /// Eight bytes, the highest first.
    mutating func addWord(_ number: Int64) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}

/// Reads what ``RecordWriter`` wrote, in the same order. What is not well formed, or longer than what was written,
/// breaks the reader: then everything else that it gives is empty.
public struct RecordReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var isBroken = false

    /// - Parameter bytes: outlive the reader.
    public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// All was read, and all was well formed.
    public var isComplete: Bool { !isBroken && position == bytes.count }

    public mutating func integer() -> Int64 {
        let number = length()
        return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }

    public mutating func number() -> Int { Int(integer()) }

    public mutating func optionalInteger() -> Int64? { isPresent() ? integer() : nil }

    public mutating func text() -> String { String(decoding: utf8(), as: UTF8.self) }

    /// The text's bytes, where it lies.
    public mutating func utf8() -> UnsafeRawBufferPointer { take(length()) }

    public mutating func digest() -> Digest { Digest(take(32)) ?? Digest(high: (0, 0), low: (0, 0)) }

    public mutating func optionalDigest() -> Digest? { isPresent() ? digest() : nil }

    private mutating func isPresent() -> Bool {
        let flag = take(1).first
        if flag != 0 && flag != 1 { isBroken = true }
        return flag == 1
    }

    private mutating func length() -> UInt64 {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = take(1).first else { break }
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
        }
        isBroken = true
        return 0
    }

    private mutating func take(_ count: UInt64) -> UnsafeRawBufferPointer {
        guard !isBroken, count <= UInt64(bytes.count - position) else {
            isBroken = true
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        let start = position
        position += Int(count)
        return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    }
}
