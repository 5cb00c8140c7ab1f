import Events

/// A key of one handler's state.
struct StateKey: Hashable {
    let handler: HandlerID
    let key: Bytes
}

/// A write that was answered done and waits for its commit: what reads see until then.
struct PendingValue {
    /// `nil` for a key that was erased.
    let value: Bytes?
    let version: UInt64
    let expires: Instant?

    func read(_ key: Bytes, at now: Instant) -> StateValue {
        guard let value, expires.map({ $0 > now }) ?? true else { return StateValue(key: key, value: [], version: 0) }
        return StateValue(key: key, value: value, version: version)
    }
}

extension StateWrite {
    /// Longer than any store lives, short enough to add to any moment.
    private static let longest = Int64(100 * 366 * 86_400_000)

    func expires(from now: Instant) -> Instant? {
        timeToLive.map { now + .milliseconds(min(max($0.milliseconds, 0), Self.longest)) }
    }
}

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

extension Effects {
    /// Why the store does not take these effects, now or ever: `handle.too-large`. The same limits in every store.
    func refusal(of handler: HandlerID) -> Failure? {
        if reads.isEmpty && writes.isEmpty && drafts.isEmpty && timers.isEmpty { return nil }
        func excess(_ what: String) -> Failure { Failure(.handleTooLarge, handler.text, what) }
        if reads.count > Limits.stateReadsPerEvent { return excess("too many state keys read") }
        if writes.count > Limits.stateWritesPerEvent { return excess("too many state keys written") }
        if drafts.count > Limits.publishesPerEvent { return excess("too many events published") }
        if timers.count > Limits.timersPerEvent { return excess("too many timers set") }
        let keys = reads.map(\.key) + writes.map(\.key) + timers.map(\.key)
        if keys.contains(where: { $0.count > Limits.stateKeyBytes }) { return excess("a key is too long") }
        if writes.contains(where: { $0.value?.count ?? 0 > Limits.stateValueBytes }) {
            return excess("a state value is too long")
        }
        let bytes = writes.reduce(0) { $0 + ($1.value?.count ?? 0) } + drafts.reduce(0) { $0 + $1.size }
            + timers.reduce(0) { $0 + $1.detail.count }
        return bytes > Limits.effectsBytes ? excess("writes and drafts are too large together") : nil
    }
}

extension Draft {
    /// Bytes that it takes in the outbox, roughly.
    var size: Int {
        detail.count + attributes.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
            + source.utf8.count + detailType.utf8.count + resource.utf8.count + correlationID.utf8.count
    }
}
