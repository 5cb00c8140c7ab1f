public import Events
public import Pipeline
import StoreCommon

// What operators do: permits and parked groups, each with its row of the journal in one transaction.

extension PostgreSQLStore: LedgerControl {
    public func permit(_ permits: [Permit], _ entries: [JournalEntry]) async throws(Failure) {
        var part = Part(rings: .journal)
        for permit in permits {
            part.effects.append(
                Statement(
                    """
                    INSERT INTO permits VALUES ($1, $2, $3, $4) ON CONFLICT (event, consumer) DO UPDATE \
                    SET until = excluded.until, begun = excluded.begun
                    """,
                    [
                        .text(permit.consumer.text), .text(permit.event), .instant(permit.until),
                        .flag(permit.isBegun),
                    ]))
        }
        part.effects += entries.map { append($0, Self.unmarked, nil) }
        for answer in try await writer.perform([part]) { _ = try require(answer) }
    }

    public func permits(for event: String, at now: Instant) async throws(Failure) -> [Permit] {
        try await pool.ask(
            "SELECT consumer, until, begun FROM permits WHERE event = $1 AND until > $2::bigint ORDER BY consumer",
            [.text(event), .instant(now)]
        ).map { row in
            Permit(consumer: QueueName(row.text(0)), event: event, until: row.instant(1), isBegun: row.flag(2))
        }
    }

    public func parkedGroups(at now: Instant) async throws(Failure) -> [ParkedGroup] {
        try await pool.ask(
            """
            SELECT consumer, message_group, issuer, event, time FROM parked WHERE keep_until > $1::bigint \
            ORDER BY time, message_group LIMIT 10000
            """, [.instant(now)]
        ).map { row in
            ParkedGroup(
                consumer: QueueName(row.text(0)), group: row.text(1),
                event: EventID(issuer: row.text(2), text: row.text(3)), since: row.instant(4))
        }
    }

    public func free(
        _ group: String, of consumer: QueueName, _ entry: JournalEntry
    ) async throws(Failure) -> Bool {
        let found = try await pool.ask(
            "SELECT event FROM parked WHERE message_group = $1 AND consumer = $2",
            [.text(group), .text(consumer.text)])
        guard let event = found.first?.text(0) else { return false }
        let mark = mark()
        var entry = entry
        entry.event = event
        var part = Part(locks: [LockKeys.group(group, of: consumer, in: options.schema)], rings: .journal)
        part.decision = Statement(
            "SELECT free_group($1, $2, $3, $4)", [mark, .text(group), .text(consumer.text), .text(event)])
        part.effects = [append(entry, mark, nil)]
        let answers = try await writer.perform([part])
        return try answers.first.map { answer throws(Failure) in try require(answer) }?.first?.flag(0) ?? false
    }
}
