/// Handler state as values instead of bytes.

/// A value that is kept in the host's state as JSON, where an operator can read it.
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
        guard let stored = try get(key) else { return nil }
        do {
            return try Record(json: JSON(parsing: stored.value))
        } catch {
            throw .invalid
        }
    }

    /// Writes a record at commit.
    public func write(_ record: some StateRecord, _ key: String, timeToLive: Duration? = nil) throws(HostFailure) {
        try put(key, record.json.bytes, ifVersion: .any, timeToLive: timeToLive)
    }
}
