import Events
import StoreCommon

extension Tables {
    func stateValue(_ key: Bytes, of handler: HandlerID, at now: Instant) throws -> StateValue {
        try first(
            "SELECT version, value FROM state WHERE handler = ? AND key = ? AND (expires IS NULL OR expires > ?)",
            [.text(handler.text), .bytes(key), .instant(now)]
        ) { row in
            StateValue(key: key, value: row.bytes(1), version: UInt64(bitPattern: row.integer(0)))
        } ?? StateValue(key: key, value: [], version: 0)
    }

    private func version(_ key: Bytes, of handler: HandlerID, at now: Instant) throws -> UInt64 {
        try first(
            "SELECT version FROM state WHERE handler = ? AND key = ? AND (expires IS NULL OR expires > ?)",
            [.text(handler.text), .bytes(key), .instant(now)]
        ) { row in UInt64(bitPattern: row.integer(0)) } ?? 0
    }

    /// True if every key that was read or written under an expectation is at the version that was seen.
    func isCurrent(_ effects: Effects, of handler: HandlerID, at now: Instant) throws -> Bool {
        for read in effects.reads where try version(read.key, of: handler, at: now) != read.version { return false }
        for write in effects.writes {
            guard let expected = write.expected else { continue }
            if try version(write.key, of: handler, at: now) != expected { return false }
        }
        return true
    }

    func write(_ write: StateWrite, version: UInt64, of handler: HandlerID, at now: Instant) throws {
        let identity = [Value.text(handler.text), .bytes(write.key)]
        guard let value = write.value else {
            counters.statistics.state -= try change("DELETE FROM state WHERE handler = ? AND key = ?", identity)
            return
        }
        let values = [.bits(version), .optional(write.expires(from: now)), .bytes(value)] + identity
        let update: StaticString =
            "UPDATE state SET version = ?, expires = ?, value = ? WHERE handler = ? AND key = ?"
        if try change(update, values) > 0 { return }
        try run("INSERT INTO state (version, expires, value, handler, key) VALUES (?, ?, ?, ?, ?)", values)
        counters.statistics.state += 1
    }
}
