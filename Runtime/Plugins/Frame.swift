import Events
import WorkerProtocol

// Frames to bytes and back on the host's side. What a worker sends is hostile: nothing is allocated by its word alone,
// and whatever does not decode whole is a ``BadFrame``, which costs the worker its life.

struct BadFrame: Error, Hashable {
    let cause: String
    init(_ cause: String) { self.cause = cause }
}

struct Frame {
    let type: Int32
    let stream: UInt32
    let fence: UInt64
    let payload: ArraySlice<UInt8>

    var reader: FrameReader { FrameReader(payload) }

    static let headerBytes = Int(WP_HEADER_BYTES)

    /// What a payload of this type may have at most; `nil` for a type that no worker sends.
    static func bytesAtMost(_ type: Int32) -> Int? {
        switch type {
        case WP_HELLO: Int(WP_DESCRIPTION_BYTES)
        case WP_ANSWER: Int(WP_FROM_WORKER_BYTES)
        case WP_CALL: Int(WP_CALL_BODY_BYTES) + 32_768
        case WP_METRICS: 524_288
        case WP_STATE_GET: 262_144
        case WP_LOG: 65_536
        case WP_REFUSED, WP_CREATED, WP_DENIED: 4_096
        default: nil
        }
    }
}

/// Cuts a stream of bytes into frames.
struct FrameAssembler {
    private var bytes: [UInt8] = []
    private var start = 0

    mutating func append(_ more: UnsafeRawBufferPointer) {
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= 262_144)
            start = 0
        } else if start > 262_144 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    /// The next whole frame. Its payload shares the assembler's memory: let go of it before more is appended.
    mutating func next() throws(BadFrame) -> Frame? {
        guard bytes.count - start >= Frame.headerBytes else { return nil }
        var header = FrameReader(bytes[start..<start + Frame.headerBytes])
        let length = Int(try header.u32())
        let type = Int32(try header.u8())
        let version = try header.u8()
        guard version == WP_VERSION else { throw BadFrame("protocol version \(version)") }
        guard let most = Frame.bytesAtMost(type) else { throw BadFrame("frame type \(type)") }
        guard length <= most else { throw BadFrame("frame of \(length) bytes, type \(type)") }
        let stream = try header.u32()
        let fence = try header.u64()
        let from = start + Frame.headerBytes
        guard bytes.count - from >= length else { return nil }
        start = from + length
        return Frame(type: type, stream: stream, fence: fence, payload: bytes[from..<start])
    }
}

struct FrameReader {
    private let bytes: ArraySlice<UInt8>
    private var at: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        at = bytes.startIndex
    }

    private var left: Int { bytes.endIndex - at }

    mutating func take(_ count: Int) throws(BadFrame) -> ArraySlice<UInt8> {
        guard left >= count else { throw BadFrame("frame ends early") }
        defer { at += count }
        return bytes[at..<at + count]
    }

    private mutating func number<Number: FixedWidthInteger>() throws(BadFrame) -> Number {
        let size = MemoryLayout<Number>.size
        guard left >= size else { throw BadFrame("frame ends early") }
        let offset = at - bytes.startIndex
        at += size
        return bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
    }
    mutating func u8() throws(BadFrame) -> UInt8 { try number() }
    mutating func u32() throws(BadFrame) -> UInt32 { try number() }
    mutating func u64() throws(BadFrame) -> UInt64 { try number() }

    /// A copy of its own: the frame's memory is soon reused.
    mutating func bytes(atMost most: Int) throws(BadFrame) -> Bytes {
        let count = Int(try u32())
        guard count <= most else { throw BadFrame("\(count) bytes where at most \(most) may be") }
        let value = count == 0 ? [] : ArraySlice(Array(try take(count)))
        guard try u8() == 0 else { throw BadFrame("no NUL after a text") }
        return value
    }

    /// UTF-8; an identifier has no control character in it.
    mutating func text(atMost most: Int, isIdentifier: Bool = true) throws(BadFrame) -> String {
        let bytes = try bytes(atMost: most)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw BadFrame("not UTF-8") }
        if isIdentifier, bytes.contains(where: { $0 < 0x20 || $0 == 0x7f }) { throw BadFrame("control character") }
        return text
    }

    /// - Parameter most: entries; each takes at least one byte, so that a count alone never allocates.
    mutating func list<Entry>(
        atMost most: Int, _ entry: (inout FrameReader) throws(BadFrame) -> Entry
    ) throws(BadFrame) -> [Entry] {
        let count = Int(try u32())
        guard count <= most, count <= left else { throw BadFrame("list of \(count), at most \(most) may be") }
        var entries: [Entry] = []
        for _ in 0..<count { entries.append(try entry(&self)) }
        return entries
    }

    /// Takes four lists if nothing is in them, and nothing comes after them.
    mutating func takeFourEmptyLists() -> Bool {
        guard left == 16 else { return false }
        let offset = at - bytes.startIndex
        let counts = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt128.self) }
        guard counts == 0 else { return false }
        at = bytes.endIndex
        return true
    }

    func end() throws(BadFrame) {
        guard left == 0 else { throw BadFrame("\(left) bytes after the frame's end") }
    }
}

/// Frames one after the other, in one buffer that is used again.
struct FrameWriter {
    /// Room; the first `count` bytes are written.
    private var room: [UInt8] = []
    private(set) var count = 0

    /// A copy of what was written.
    var bytes: [UInt8] { Array(room[..<count]) }

    /// What was written, where it lies.
    func withUnsafeBytes<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T {
        room.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    /// Forgets what was written, and keeps memory for so much.
    mutating func clear(keeping capacity: Int) {
        count = 0
        if room.count > capacity { room = [] }
    }

    mutating func frame(
        _ type: Int32, stream: UInt32 = 0, fence: UInt64 = 0, _ body: (inout FrameWriter) -> Void = { _ in }
    ) {
        let start = count
        u32(0)
        u8(UInt8(truncatingIfNeeded: type))
        u8(UInt8(WP_VERSION))
        u32(stream)
        u64(fence)
        body(&self)
        let length = UInt32(count - start - Frame.headerBytes)
        room.withUnsafeMutableBytes { $0.storeBytes(of: length.littleEndian, toByteOffset: start, as: UInt32.self) }
    }

    mutating func u8(_ value: UInt8) { number(value) }
    mutating func u32(_ value: UInt32) { number(value) }
    mutating func u64(_ value: UInt64) { number(value) }
    mutating func data(_ value: some Collection<UInt8>) {
        let isWritten: Void? = value.withContiguousStorageIfAvailable { data(at: UnsafeRawBufferPointer($0)) }
        if isWritten == nil { Array(value).withUnsafeBytes { data(at: $0) } }
    }
    mutating func text(_ value: String) {
        let utf8 = value.utf8.span
        utf8.withUnsafeBytes { data(at: $0) }
    }
    mutating func list<Entry>(_ entries: [Entry], _ entry: (inout FrameWriter, Entry) -> Void) {
        u32(UInt32(entries.count))
        for one in entries { entry(&self, one) }
    }

    @inline(__always)
    private mutating func number<Number: FixedWidthInteger>(_ value: Number) {
        append(MemoryLayout<Number>.size) { $0.storeBytes(of: value.littleEndian, as: Number.self) }
    }

    /// The length, the bytes and a NUL.
    private mutating func data(at bytes: UnsafeRawBufferPointer) {
        append(4 + bytes.count + 1) { place in
            place.storeBytes(of: UInt32(bytes.count).littleEndian, as: UInt32.self)
            if let from = bytes.baseAddress { (place + 4).copyMemory(from: from, byteCount: bytes.count) }
            place.storeBytes(of: 0, toByteOffset: 4 + bytes.count, as: UInt8.self)
        }
    }

    /// - Parameter put: writes so many bytes there.
    @inline(__always)
    private mutating func append(_ bytes: Int, _ put: (UnsafeMutableRawPointer) -> Void) {
        if room.count - count < bytes { grow(by: bytes) }
        let start = count
        room.withUnsafeMutableBytes { room in
            if let base = room.baseAddress { put(base + start) }
        }
        count += bytes
    }

    @inline(never)
    private mutating func grow(by bytes: Int) {
        room += [UInt8](repeating: 0, count: max(room.count, bytes, 4_096))
    }
}
