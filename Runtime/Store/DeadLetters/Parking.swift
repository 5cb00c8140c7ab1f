import Events
import Pipeline
import StoreCommon

// Parked groups: FIFO groups that stand behind an event which failed for good. As a rule there are none, and neither
// claim nor commit asks the file for them.

extension Tables {
    /// The event that the request's group stands behind.
    func event(blocking request: ClaimRequest, at now: Instant) throws -> EventID? {
        guard counters.statistics.parked > 0, let group = request.group else { return nil }
        return try first(
            "SELECT issuer, event FROM parked WHERE message_group = ? AND consumer = ? AND keep_until > ?",
            [.text(group), .text(request.consumer.text), .instant(now)]
        ) { row in EventID(issuer: row.text(0), text: row.text(1)) }
    }

    func parkedGroups(at now: Instant) throws -> [ParkedGroup] {
        guard counters.statistics.parked > 0 else { return [] }
        return try all(ParkedGroup.rows, [.instant(now)], ParkedGroup.init)
    }

    /// Behind the first event of the group that failed; the same one again keeps its place for longer.
    func park(_ claim: Claimed, until: Instant, at now: Instant) throws {
        guard let group = claim.group else { return }
        let identity = [Value.text(group), .text(claim.consumer.text)]
        counters.statistics.parked -= try change(
            "DELETE FROM parked WHERE message_group = ? AND consumer = ? AND keep_until <= ?",
            identity + [.instant(now)])
        counters.statistics.parked += try change(
            """
            INSERT INTO parked (message_group, consumer, issuer, event, time, keep_until) VALUES (?, ?, ?, ?, ?, ?) \
            ON CONFLICT DO NOTHING
            """,
            identity + [.text(claim.id.issuer), .text(claim.id.text), .instant(now), .instant(until)])
        try run(
            "UPDATE parked SET keep_until = max(keep_until, ?) WHERE message_group = ? AND consumer = ? AND event = ?",
            [.instant(until)] + identity + [.text(claim.id.text)])
    }

    /// It is done: nothing stands behind it any more.
    func free(behind claim: Claimed) throws {
        guard counters.statistics.parked > 0 else { return }
        counters.statistics.parked -= try change(
            "DELETE FROM parked WHERE event = ? AND issuer = ? AND consumer = ?",
            [.text(claim.id.text), .text(claim.id.issuer), .text(claim.consumer.text)])
    }

    /// - Returns: 0 if it was not parked: then nothing is written.
    func free(_ group: String, of consumer: QueueName, _ entry: JournalEntry) throws -> Int {
        let identity = [Value.text(group), .text(consumer.text)]
        let event = try first("SELECT event FROM parked WHERE message_group = ? AND consumer = ?", identity) { row in
            row.text(0)
        }
        guard let event else { return 0 }
        let count = try change("DELETE FROM parked WHERE message_group = ? AND consumer = ?", identity)
        counters.statistics.parked -= count
        var entry = entry
        entry.event = event
        try append(entry)
        return count
    }

    /// What an operator did. Who discards the letter of an event gives up what stands behind it, too.
    func record(_ entry: JournalEntry) throws {
        try append(entry)
        guard entry.outcome == .discarded, !entry.event.isEmpty, counters.statistics.parked > 0 else { return }
        let groups = try all(
            "SELECT message_group FROM parked WHERE event = ? AND consumer = ?",
            [.text(entry.event), .text(entry.queue)]
        ) { row in row.text(0) }
        for group in groups {
            var freed = entry
            freed.outcome = .freed
            _ = try free(group, of: QueueName(entry.queue), freed)
        }
    }
}

extension ParkedGroup {
    static let rows: StaticString = """
        SELECT consumer, message_group, issuer, event, time FROM parked WHERE keep_until > ? ORDER BY time, row \
        LIMIT 10000
        """

    init(_ row: Columns) {
        self.init(
            consumer: QueueName(row.text(0)), group: row.text(1),
            event: EventID(issuer: row.text(2), text: row.text(3)), since: row.instant(4))
    }
}
