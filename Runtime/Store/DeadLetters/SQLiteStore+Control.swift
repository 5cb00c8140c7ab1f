public import Events
public import Pipeline

/// What operators say of events: permits, parked groups.
extension SQLiteStore: LedgerControl {
    public func permit(_ permits: [Permit], _ entries: [JournalEntry]) async throws(Failure) {
        try await core.enqueue(.permit(permits, entries))
    }

    public func permits(for event: String, at now: Instant) async throws(Failure) -> [Permit] {
        try await core.read { tables in try tables.permits(for: event, at: now) }
    }

    public func parkedGroups(at now: Instant) async throws(Failure) -> [ParkedGroup] {
        try await core.read { tables in try tables.parkedGroups(at: now) }
    }

    public func free(
        _ group: String, of consumer: QueueName, _ entry: JournalEntry
    ) async throws(Failure) -> Bool {
        guard case .count(let count) = try await core.enqueue(.free(group, of: consumer, entry)) else { return false }
        return count > 0
    }
}
