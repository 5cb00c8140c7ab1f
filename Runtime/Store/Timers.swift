import Events
import JSON
import StoreCommon

extension Tables {
    /// Timers that are due and not claimed, oldest first; those that were tried before come after all others, so that
    /// timers in backoff do not hide new ones.
    func dueTimers(
        of handlers: Set<HandlerID>, atMost count: Int, excluding claimed: Set<String>, at now: Instant
    ) throws -> [Event] {
        let events = try all(
            """
            SELECT event, handler, detail, correlation FROM timers INDEXED BY timers_tries WHERE due <= ? \
            AND handler IN (SELECT value FROM json_each(?)) ORDER BY tries, due LIMIT ?
            """,
            [.instant(now), Self.list(handlers), .number(count + claimed.count)]
        ) { row in
            TimerEvent.make(row.text(0), of: row.text(1), detail: row.bytes(2), correlationID: row.text(3), at: now)
        }
        return Array(events.lazy.filter { !claimed.contains($0.id.text) }.prefix(count))
    }

    /// When the first timer that is not claimed is due.
    func nextTimer(of handlers: Set<HandlerID>, excluding claimed: Set<String>) throws -> Instant? {
        try all(
            """
            SELECT event, due FROM timers WHERE handler IN (SELECT value FROM json_each(?)) ORDER BY due LIMIT ?
            """,
            [Self.list(handlers), .number(claimed.count + 1)]
        ) { row in
            (event: row.text(0), due: row.instant(1))
        }.first { !claimed.contains($0.event) }?.due
    }

    func strayTimers(beside handlers: Set<HandlerID>, at now: Instant) throws -> Int {
        try all(
            "SELECT count(*) FROM timers WHERE due <= ? AND handler NOT IN (SELECT value FROM json_each(?))",
            [.instant(now), Self.list(handlers)]
        ) { row in row.number(0) }.first ?? 0
    }

    /// One statement for any number of them.
    private static func list(_ handlers: Set<HandlerID>) -> Value {
        .text(String(decoding: JSONValue.array(handlers.map { .string($0.text) }).serialised(), as: UTF8.self))
    }

    /// Sets, moves or removes a timer of the handler of `claim`.
    func change(_ timer: TimerChange, of claim: Claimed, fence: UInt64) throws {
        counters.changedTimers = true
        let identity = [Value.text(claim.handler.text), .bytes(timer.key)]
        counters.statistics.timers -= try change("DELETE FROM timers WHERE handler = ? AND key = ?", identity)
        guard !timer.detail.isEmpty else { return }
        let event = DerivedID.timer(handler: claim.handler, key: timer.key, due: timer.at, fence: fence)
        try run(
            """
            INSERT INTO timers (handler, key, due, tries, event, correlation, detail) VALUES (?, ?, ?, 0, ?, ?, ?)
            """,
            identity + [.instant(timer.at), .text(event), .text(claim.trace.correlationID), .bytes(timer.detail)])
        counters.statistics.timers += 1
    }

    /// The timer that became this event was tried once more.
    func retryTimer(of event: EventID) throws {
        try run("UPDATE timers SET tries = tries + 1 WHERE event = ?", [.text(event.text)])
    }

    /// Removes the timer that became this event, unless it was moved meanwhile: then it is another event's.
    func removeTimer(of event: EventID) throws {
        counters.statistics.timers -= try change("DELETE FROM timers WHERE event = ?", [.text(event.text)])
    }
}
