public import Events
public import Pipeline

/// The store in a database as the sidecar knows any store.
extension PostgreSQLStore: EventStore {
    public var receipts: (any PublicationReceipts)? { nil }
    public var heads: any JournalHeads { self }
    public var auditor: (any JournalAuditor)? { self }

    /// Gives the journal's new rows their numbers.
    public func beat(at now: Instant) async throws(Failure) { try await numberRows() }

    /// Tables that say nothing to an operator.
    private static let inner: Set = ["meta", "journal_end", "journal_tail", "heads", "writers"]

    /// Rows as the server's statistics have them, a moment behind.
    public func size() async throws(Failure) -> StoreSize {
        let rows = try await pool.ask(
            """
            SELECT relname::text, pg_stat_get_live_tuples(oid), pg_total_relation_size(oid) FROM pg_class \
            WHERE relnamespace = $1::text::regnamespace AND relkind = 'r' ORDER BY relname
            """, [.text(options.schema)])
        let tables = rows.map { StoreSize.Table($0.text(0), $0.number(1)) }
        return StoreSize(
            tables: tables.filter { !Self.inner.contains($0.name) }, bytes: rows.reduce(0) { $0 + $1.number(2) },
            isExact: false)
    }

    public func shelf(_ place: LetterPlace) -> any DeadLetterBox { ShelfBox(self, place) }
    public func outboxTarget(_ clock: any WallClock) -> any RedriveTarget { OutboxTarget(store: self, clock: clock) }
}
