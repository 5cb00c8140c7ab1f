public import Events
public import Pipeline
import StoreCommon
import Synchronization

extension PostgreSQLStore: HandlerState {
    /// What waits for its commit is looked at first: what has left since is in the database that is asked then.
    public func read(_ keys: [Bytes], of handler: HandlerID, at now: Instant) async throws(Failure) -> [StateValue] {
        let pending = pendingState.withLock { pending in
            keys.map { pending[StateKey(handler: handler, key: $0)]?.read($0, at: now) }
        }
        let missing = zip(keys, pending).compactMap { key, value in value == nil ? key : nil }
        var found: [Bytes: StateValue] = [:]
        if !missing.isEmpty {
            let rows = try await pool.run { session throws(ServerFailure) in
                try session.run([
                    Statement(
                        """
                        SELECT key, version, value FROM state WHERE handler = $1 AND key = ANY ($2) \
                        AND (expires IS NULL OR expires > $3)
                        """, [.text(handler.text), .blobs(missing), .instant(now)])
                ])
            }
            for row in rows.first ?? [] {
                let version = UInt64(bitPattern: row.integer(1))
                found[row.bytes(0)] = StateValue(key: row.bytes(0), value: row.bytes(2), version: version)
            }
        }
        return zip(keys, pending).map { key, value in
            value ?? found[key] ?? StateValue(key: key, value: [], version: 0)
        }
    }
}
