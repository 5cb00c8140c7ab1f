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
        let value = try take(count)
        guard try u8() == 0 else { throw BadFrame("no NUL after a text") }
        return count == 0 ? [] : ArraySlice(Array(value))
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

    func end() throws(BadFrame) {
        guard left == 0 else { throw BadFrame("\(left) bytes after the frame's end") }
    }
}

struct FrameWriter {
    private(set) var bytes: [UInt8] = []

    /// Forgets what was written, and keeps memory for so much.
    mutating func clear(keeping capacity: Int) {
        if bytes.capacity > capacity { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
    }

    mutating func frame(
        _ type: Int32, stream: UInt32 = 0, fence: UInt64 = 0, _ body: (inout FrameWriter) -> Void = { _ in }
    ) {
        let start = bytes.count
        u32(0)
        u8(UInt8(truncatingIfNeeded: type))
        u8(UInt8(WP_VERSION))
        u32(stream)
        u64(fence)
        body(&self)
        let length = UInt32(bytes.count - start - Frame.headerBytes)
        for index in 0..<4 { bytes[start + index] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(index))) }
    }

    mutating func u8(_ value: UInt8) { bytes.append(value) }
    mutating func u32(_ value: UInt32) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
    mutating func u64(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
    mutating func data(_ value: some Collection<UInt8>) {
        u32(UInt32(value.count))
        bytes.append(contentsOf: value)
        u8(0)
    }
    mutating func text(_ value: String) { data(value.utf8) }
    mutating func list<Entry>(_ entries: [Entry], _ entry: (inout FrameWriter, Entry) -> Void) {
        u32(UInt32(entries.count))
        for one in entries { entry(&self, one) }
    }
}
