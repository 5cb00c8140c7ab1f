import CPostgreSQL
import Events
import Glibc
import StoreCommon

/// A value on its way into a statement, in PostgreSQL's binary form (protocol 3.0, format code 1).
enum Value: Sendable {
    case null
    case flag(Bool)
    case integer(Int64)
    case text(String)
    case bytes(Bytes)
    case digest(Digest)
    case integers([Int64?])
    case texts([String])
    case blobs([Bytes?])

    static func number(_ number: Int) -> Value { .integer(Int64(number)) }
    static func instant(_ instant: Instant) -> Value { .integer(instant.unixMilliseconds) }
    static func bits(_ number: UInt64) -> Value { .integer(Int64(bitPattern: number)) }
    static func optional(_ instant: Instant?) -> Value { instant.map(Value.instant) ?? .null }
    static func optional(_ duration: Duration?) -> Value { duration.map { .integer($0.microseconds) } ?? .null }
    static func optional(_ text: String?) -> Value { text.map(Value.text) ?? .null }
    static func optional(_ digest: Digest?) -> Value { digest.map(Value.digest) ?? .null }

    /// Appends the bytes; answers how many, or `nil` for null.
    fileprivate func encode(into bytes: inout [UInt8]) -> Int? {
        let start = bytes.count
        switch self {
        case .null: return nil
        case .flag(let flag): bytes.append(flag ? 1 : 0)
        case .integer(let integer): bytes.append(bigEndian: integer)
        case .text(let text): Value.append(text, to: &bytes)
        case .bytes(let value): bytes.append(contentsOf: value)
        case .digest(let digest): digest.withUnsafeBytes { bytes.append(contentsOf: $0) }
        case .integers(let list):
            bytes.appendArray(list, type: 20) { $1.append(bigEndian: $0) }
        case .texts(let list):
            bytes.appendArray(list.map(Optional.some), type: 25) { Value.append($0, to: &$1) }
        case .blobs(let list):
            bytes.appendArray(list, type: 17) { $1.append(contentsOf: $0) }
        }
        return bytes.count - start
    }

    /// The type's number in every server (`pg_type.dat`); `nil` for null, and for what is an array itself.
    fileprivate var elementType: Int32? {
        switch self {
        case .flag: 16
        case .bytes, .digest: 17
        case .integer: 20
        case .text: 25
        case .null, .integers, .texts, .blobs: nil
        }
    }

    /// The server's text has no NUL.
    private static func append(_ text: String, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        let hasNUL = bytes.withUnsafeBytes { all in
            all.baseAddress.map { memchr($0 + start, 0, all.count - start) != nil } ?? false
        }
        guard hasNUL else { return }
        bytes.removeSubrange(start...)
        bytes.append(contentsOf: text.replacing("\0", with: "\u{FFFD}").utf8)
    }
}

extension [UInt8] {
    fileprivate mutating func append<Number: FixedWidthInteger>(bigEndian number: Number) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }

    /// One dimension, from 1 on; each element with its length before it.
    fileprivate mutating func appendArray<Item>(
        _ list: [Item?], type: Int32, _ add: (Item, inout [UInt8]) -> Void
    ) {
        appendArrayHead(list.count, hasNulls: list.contains { $0 == nil }, type: type)
        for element in list {
            appendElement { bytes in
                guard let element else { return false }
                add(element, &bytes)
                return true
            }
        }
    }

    /// An array of the values that the rows have in this column, all of one type or null. False where all are null: of
    /// what type does not matter then, since no array reads like an array of nulls.
    fileprivate mutating func appendColumn(_ column: Int, of rows: [[Value]]) -> Bool {
        guard let type = rows.lazy.compactMap({ $0[column].elementType }).first else { return false }
        appendArrayHead(rows.count, hasNulls: rows.contains { $0[column].elementType == nil }, type: type)
        for row in rows { appendElement { row[column].encode(into: &$0) != nil } }
        return true
    }

    private mutating func appendArrayHead(_ count: Int, hasNulls: Bool, type: Int32) {
        append(bigEndian: Int32(count == 0 ? 0 : 1))
        append(bigEndian: Int32(hasNulls ? 1 : 0))
        append(bigEndian: type)
        guard count > 0 else { return }
        append(bigEndian: Int32(clamping: count))
        append(bigEndian: Int32(1))
    }

    /// - Parameter add: false for a null, of which nothing is added.
    private mutating func appendElement(_ add: (inout [UInt8]) -> Bool) {
        let place = count
        append(bigEndian: Int32(-1))
        guard add(&self) else { return }
        let length = Int32(clamping: count - place - 4)
        Swift.withUnsafeBytes(of: length.bigEndian) { length in
            for offset in 0..<4 { self[place + offset] = length[offset] }
        }
    }
}

/// The values of one call, laid one after the other, as libpq takes them.
struct Parameters {
    private var bytes: [UInt8] = []
    private var places: [(start: Int, count: Int)?] = []

    init(_ values: [Value]) {
        for value in values { add { value.encode(into: &$0) != nil } }
        bytes.append(0)
    }

    /// - Parameter rows: one array for each of their columns.
    init(rows: [[Value]]) {
        bytes.reserveCapacity(rows.count * 1_024)
        for column in (rows.first ?? []).indices { add { $0.appendColumn(column, of: rows) } }
        bytes.append(0)
    }

    private mutating func add(_ encode: (inout [UInt8]) -> Bool) {
        let start = bytes.count
        places.append(encode(&bytes) ? (start, bytes.count - start) : nil)
    }

    func withPointers<T>(
        _ body: (Int32, [UnsafePointer<CChar>?], [Int32], [Int32]) -> T
    ) -> T {
        bytes.withUnsafeBytes { buffer in
            let base = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            let values = places.map { place in place.flatMap { place in base.map { $0 + place.start } } }
            let lengths = places.map { Int32(clamping: $0?.count ?? 0) }
            return body(
                Int32(places.count), values, lengths, [Int32](repeating: 1, count: places.count))
        }
    }
}

/// One row of an answer, its columns in binary form. Columns that are null, or not of the size of what is asked for,
/// read as empty.
struct Row: Sendable {
    fileprivate let columns: [Bytes?]

    func isNull(_ index: Int) -> Bool { columns[index] == nil }
    func bytes(_ index: Int) -> Bytes { columns[index] ?? [] }
    func text(_ index: Int) -> String { String(decoding: bytes(index), as: UTF8.self) }
    func flag(_ index: Int) -> Bool { bytes(index).first == 1 }
    func integer(_ index: Int) -> Int64 {
        Int64(bitPattern: bytes(index).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
    func number(_ index: Int) -> Int { Int(integer(index)) }
    func instant(_ index: Int) -> Instant { Instant(unixMilliseconds: integer(index)) }
    func digest(_ index: Int) -> Digest? { Digest(bytes(index)) }

    static func all(of result: OpaquePointer) -> [Row] {
        let columns = PQnfields(result)
        return (0..<PQntuples(result)).map { row in
            Row(
                columns: (0..<columns).map { column in
                    guard PQgetisnull(result, row, column) == 0, let start = PQgetvalue(result, row, column) else {
                        return nil
                    }
                    let count = Int(PQgetlength(result, row, column))
                    return Bytes(UnsafeRawBufferPointer(start: start, count: count))
                })
        }
    }
}
