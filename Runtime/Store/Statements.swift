import Events
import GRDB
import GRDBSQLite
import StoreCommon

/// A value on its way into a statement.
enum Value {
    case null
    case integer(Int64)
    case text(String)
    case bytes(Bytes)
    case digest(Digest)

    static func number(_ number: Int) -> Value { .integer(Int64(number)) }
    static func instant(_ instant: Instant) -> Value { .integer(instant.unixMilliseconds) }
    static func bits(_ number: UInt64) -> Value { .integer(Int64(bitPattern: number)) }
    static func optional(_ instant: Instant?) -> Value { instant.map(Value.instant) ?? .null }
    static func optional(_ duration: Duration?) -> Value { duration.map { .integer($0.microseconds) } ?? .null }
    static func optional(_ text: String?) -> Value { text.map(Value.text) ?? .null }
    static func optional(_ digest: Digest?) -> Value { digest.map(Value.digest) ?? .null }
}

/// What a statement is given, in place: bytes must lie still until it has run.
struct Arguments {
    fileprivate let statement: OpaquePointer

    func bind(_ index: Int32, _ number: Int64) { sqlite3_bind_int64(statement, index, number) }
    func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) {
        sqlite3_bind_blob(statement, index, bytes.baseAddress, Int32(clamping: bytes.count), nil)
    }
}

/// The row that a statement stands on; valid until it steps on.
struct Columns {
    fileprivate let statement: OpaquePointer

    func isNull(_ index: Int32) -> Bool { sqlite3_column_type(statement, index) == SQLITE_NULL }
    func integer(_ index: Int32) -> Int64 { sqlite3_column_int64(statement, index) }
    func number(_ index: Int32) -> Int { Int(integer(index)) }
    func instant(_ index: Int32) -> Instant { Instant(unixMilliseconds: integer(index)) }
    func text(_ index: Int32) -> String {
        guard let text = sqlite3_column_text(statement, index) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, index))
        return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
    }
    func bytes(_ index: Int32) -> Bytes { Bytes(buffer(index)) }
    func digest(_ index: Int32) -> Digest? { Digest(buffer(index)) }

    /// The bytes where they lie: valid until the statement steps on.
    func buffer(_ index: Int32) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(statement, index)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, index)))
    }
}

/// The prepared statements of one connection, each found by the address of its literal.
///
/// GRDB's own statements convert every argument and hash the text at each use: for a commit of ten events that costs
/// more than SQLite's own work. Here values go straight to SQLite.
final class Statements {
    private let connection: OpaquePointer?
    /// Few enough that looking at them in turn costs less than a hash; those of the common calls are among the first.
    private var prepared: [(sql: UnsafePointer<UInt8>, statement: OpaquePointer)] = []
    /// The bytes of the values of the statement that runs: one buffer for all, instead of an allocation for each.
    private var scratch: [UInt8] = []
    /// What a row is put together in, before it is written.
    var record = RecordWriter()

    init(_ db: Database) { connection = db.sqliteConnection }

    deinit { for one in prepared { sqlite3_finalize(one.statement) } }

    var isInsideTransaction: Bool { sqlite3_get_autocommit(connection) == 0 }

    /// Runs a statement to its end. Returns the number of rows that the last one to write has changed.
    @discardableResult
    func run(_ sql: StaticString, _ values: [Value]) throws -> Int {
        try each(sql, values) { _ in true }
        return Int(sqlite3_changes(connection))
    }

    /// Runs a statement that writes one row, with its values bound in place.
    func write(_ sql: StaticString, _ bind: (Arguments) -> Void) throws {
        let statement = try prepare(sql)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        bind(Arguments(statement: statement))
        try check(sqlite3_step(statement), is: SQLITE_DONE)
    }

    /// The first row of a statement that asks by one number.
    func first<T>(_ sql: StaticString, _ key: Int64, _ decode: (Columns) throws -> T) throws -> T? {
        let statement = try prepare(sql)
        defer { sqlite3_reset(statement) }
        try check(sqlite3_bind_int64(statement, 1, key), is: SQLITE_OK)
        let code = sqlite3_step(statement)
        if code == SQLITE_DONE { return nil }
        try check(code, is: SQLITE_ROW)
        return try decode(Columns(statement: statement))
    }

    /// The numbers in the first column of a statement that asks by one number.
    func numbers(_ sql: StaticString, _ key: Int64) throws -> [Int64] {
        let statement = try prepare(sql)
        defer { sqlite3_reset(statement) }
        try check(sqlite3_bind_int64(statement, 1, key), is: SQLITE_OK)
        var found: [Int64] = []
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return found }
            try check(code, is: SQLITE_ROW)
            found.append(sqlite3_column_int64(statement, 0))
        }
    }

    /// Calls `body` with each row, until it answers false. `body` runs no statement of its own.
    func each(_ sql: StaticString, _ values: [Value], _ body: (Columns) throws -> Bool) throws {
        let statement = try prepare(sql)
        gather(values)
        try scratch.withUnsafeBytes { bytes in
            defer {
                sqlite3_reset(statement)
                sqlite3_clear_bindings(statement)
            }
            var rest = bytes[...]
            for (index, value) in values.enumerated() {
                try check(bind(value, to: statement, at: Int32(index + 1), from: &rest), is: SQLITE_OK)
            }
            while true {
                let code = sqlite3_step(statement)
                if code == SQLITE_DONE { return }
                try check(code, is: SQLITE_ROW)
                guard try body(Columns(statement: statement)) else { return }
            }
        }
    }

    /// Lays the bytes of all values one after the other, with a byte more so that none of them lies nowhere.
    private func gather(_ values: [Value]) {
        scratch.removeAll(keepingCapacity: true)
        for value in values {
            switch value {
            case .null, .integer: break
            case .text(let text): scratch.append(contentsOf: text.utf8)
            case .bytes(let bytes): scratch.append(contentsOf: bytes)
            case .digest(let digest): digest.withUnsafeBytes { scratch.append(contentsOf: $0) }
            }
        }
        scratch.append(0)
    }

    /// Binds the value to its bytes at the beginning of `rest`, which stay where they are until the statement is reset.
    private func bind(
        _ value: Value, to statement: OpaquePointer, at index: Int32, from rest: inout Slice<UnsafeRawBufferPointer>
    ) -> Int32 {
        func take(_ count: Int) -> UnsafeRawPointer? {
            let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress
            rest = rest.dropFirst(count)
            return start
        }
        switch value {
        case .null: return sqlite3_bind_null(statement, index)
        case .integer(let integer): return sqlite3_bind_int64(statement, index, integer)
        case .text(let text):
            let count = text.utf8.count
            let start = take(count)?.assumingMemoryBound(to: CChar.self)
            return sqlite3_bind_text(statement, index, start, Int32(clamping: count), nil)
        case .bytes(let bytes):
            return sqlite3_bind_blob(statement, index, take(bytes.count), Int32(clamping: bytes.count), nil)
        case .digest: return sqlite3_bind_blob(statement, index, take(32), 32, nil)
        }
    }

    private func prepare(_ sql: StaticString) throws -> OpaquePointer {
        for one in prepared where one.sql == sql.utf8Start { return one.statement }
        var statement: OpaquePointer?
        let code = sql.withUTF8Buffer { text in
            sqlite3_prepare_v3(
                connection, UnsafeRawPointer(text.baseAddress)?.assumingMemoryBound(to: CChar.self),
                Int32(text.count), UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        }
        try check(code, is: SQLITE_OK)
        guard let statement else { throw DatabaseError(resultCode: .SQLITE_MISUSE, message: "no statement") }
        prepared.append((sql.utf8Start, statement))
        return statement
    }

    private func check(_ code: Int32, is expected: Int32) throws {
        guard code != expected else { return }
        throw DatabaseError(
            resultCode: ResultCode(rawValue: code), message: sqlite3_errmsg(connection).map { String(cString: $0) })
    }
}
