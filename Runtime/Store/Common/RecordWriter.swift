public import Events

/// Values one after the other in one buffer that is used again: what is kept as a whole needs no column of its own.
///
/// Numbers are seven bits a byte, the least first, with the sign in the lowest bit (LEB128 after zigzag); texts and
/// bytes are preceded by their length as such a number; what may be missing by a byte 0 or 1. So no two lists of values
/// are written alike.
public struct RecordWriter: Sendable {
    /// The longest number.
    private static let numberBytes = 10

    /// Room; the first `count` bytes are written.
    private var room = [UInt8](repeating: 0, count: 1_024)
    public private(set) var count = 0

    public init() {}

    /// A copy of what was written.
    public var bytes: [UInt8] { Array(room[..<count]) }

    /// What was written, where it lies.
    public func withUnsafeBytes<T>(_ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        try room.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    public mutating func removeAll() { count = 0 }

    @inlinable public mutating func add(_ number: Int) { add(Int64(number)) }

    public mutating func add(_ number: Int64) {
        append(atMost: Self.numberBytes) { Self.put(Self.zigzag(number), at: $0) }
    }

    public mutating func add(_ number: Int64?) {
        append(atMost: Self.numberBytes + 1) { place in
            place.pointee = number == nil ? 0 : 1
            return number.map { Self.put(Self.zigzag($0), at: place + 1) } ?? place + 1
        }
    }

    public mutating func add(_ text: String) {
        let utf8 = text.utf8.span
        utf8.withUnsafeBufferPointer { utf8 in
            append(atMost: Self.numberBytes + utf8.count) { place in
                let start = Self.put(UInt64(utf8.count), at: place)
                if let from = utf8.baseAddress { start.update(from: from, count: utf8.count) }
                return start + utf8.count
            }
        }
    }

    public mutating func add(_ digest: Digest) { append(atMost: 32) { Self.put(digest, at: $0) } }

    public mutating func add(_ digest: Digest?) {
        append(atMost: 33) { place in
            place.pointee = digest == nil ? 0 : 1
            return digest.map { Self.put($0, at: place + 1) } ?? place + 1
        }
    }

    // MARK: - what precedes a record

    /// Eight bytes, the highest first.
    mutating func addWord(_ number: Int64) {
        append(atMost: 8) { place in
            UnsafeMutableRawPointer(place).storeBytes(of: number.bigEndian, as: Int64.self)
            return place + 8
        }
    }

    // MARK: - bytes

    /// - Parameter put: writes there, at most so many bytes, and answers where it ended.
    @inline(__always)
    private mutating func append(
        atMost most: Int, _ put: (UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8>
    ) {
        if room.count - count < most { grow(by: most) }
        let start = count
        count = room.withUnsafeMutableBufferPointer { room in
            guard let base = room.baseAddress else { return start }
            return put(base + start) - base
        }
    }

    @inline(never)
    private mutating func grow(by most: Int) { room += [UInt8](repeating: 0, count: max(room.count, most)) }

    private static func zigzag(_ number: Int64) -> UInt64 { UInt64(bitPattern: (number << 1) ^ (number >> 63)) }

    @inline(__always)
    private static func put(_ number: UInt64, at place: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        var (rest, place) = (number, place)
        while rest >= 0x80 {
            place.pointee = UInt8(truncatingIfNeeded: rest) | 0x80
            place += 1
            rest >>= 7
        }
        place.pointee = UInt8(truncatingIfNeeded: rest)
        return place + 1
    }

    @inline(__always)
    private static func put(_ digest: Digest, at place: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        digest.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: place, count: 32).copyMemory(from: $0) }
        return place + 32
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
