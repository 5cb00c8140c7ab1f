import Events
import Pipeline

// Permits: what an operator lets run once more. As a rule there are none, and no claim asks the file for them.

extension Tables {
    func permit(for request: ClaimRequest, at now: Instant) throws -> Permit? {
        guard counters.statistics.permits > 0 else { return nil }
        return try first(
            "SELECT consumer, event, until, begun FROM permits WHERE event = ? AND consumer = ? AND until > ?",
            [.text(request.event.id.text), .text(request.consumer.text), .instant(now)], Permit.init)
    }

    func permits(for event: String, at now: Instant) throws -> [Permit] {
        try all(Permit.rows, [.text(event), .instant(now)], Permit.init)
    }

    func write(_ permit: Permit) throws {
        let identity = [Value.text(permit.consumer.text), .text(permit.event)]
        counters.statistics.permits -= try change("DELETE FROM permits WHERE consumer = ? AND event = ?", identity)
        try run(
            "INSERT INTO permits (consumer, event, until, begun) VALUES (?, ?, ?, ?)",
            identity + [.instant(permit.until), .integer(permit.isBegun ? 1 : 0)])
        counters.statistics.permits += 1
    }

    /// The commit of a run under a permit uses it up, unless the run is to be tried again. One that was given anew
    /// meanwhile is another.
    func use(_ permit: Permit, by verdict: Commitment.Verdict) throws {
        let identity = [Value.text(permit.event), .text(permit.consumer.text), .instant(permit.until)]
        if case .retry = verdict {
            return try run("UPDATE permits SET begun = 1 WHERE event = ? AND consumer = ? AND until = ?", identity)
        }
        counters.statistics.permits -= try change(
            "DELETE FROM permits WHERE event = ? AND consumer = ? AND until = ?", identity)
    }
}

extension Permit {
    static let rows: StaticString = "SELECT consumer, event, until, begun FROM permits WHERE event = ? AND until > ?"

    /// - Parameter row: consumer, event, until, begun.
    init(_ row: Columns) {
        self.init(
            consumer: QueueName(row.text(0)), event: row.text(1), until: row.instant(2), isBegun: row.number(3) != 0)
    }
}
