/// Handler state as values instead of bytes.

/// A value that is kept in the host's state as JSON, where an operator can read it.
///
/// For what `Codable` cannot say, or should not; any `Codable` type is read and written in the same way.
public protocol StateRecord {
    init(json: JSON) throws(JSON.Mismatch)
    var json: JSON { get }
}

extension Host {
    /// The record under a key, or `nil`.
    ///
    /// - Throws: ``HostFailure/invalid`` for stored bytes that are no such record: the state is at fault, and not the
    ///   event.
    public func read<Record: StateRecord>(_ type: Record.Type, _ key: String) throws(HostFailure) -> Record? {
        try value(key) { try Record(json: $0) }
    }

    /// Writes a record at commit.
    public func write(_ record: some StateRecord, _ key: String, timeToLive: Duration? = nil) throws(HostFailure) {
        try put(key, record.json.bytes, ifVersion: .any, timeToLive: timeToLive)
    }

    /// The value under a key, or `nil`. What was written with members that the type no longer names is read, too.
    ///
    /// - Throws: ``HostFailure/invalid`` for stored bytes that are no such value.
    @_disfavoredOverload
    public func read<Value: Decodable>(_ type: Value.Type, _ key: String) throws(HostFailure) -> Value? {
        try value(key) { try $0.decode(type) }
    }

    /// Writes a value at commit.
    ///
    /// - Throws: ``HostFailure/invalid`` for a value that JSON cannot say.
    @_disfavoredOverload
    public func write(_ value: some Encodable, _ key: String, timeToLive: Duration? = nil) throws(HostFailure) {
        guard let json = try? JSON(encoding: value) else { throw .invalid }
        try put(key, json.bytes, ifVersion: .any, timeToLive: timeToLive)
    }

    private func value<Value>(_ key: String, _ read: (JSON) throws -> Value) throws(HostFailure) -> Value? {
        guard let stored = try get(key) else { return nil }
        do {
            return try read(JSON(parsing: stored.value))
        } catch {
            throw .invalid
        }
    }
}
