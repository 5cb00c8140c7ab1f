public import Events
public import Pipeline

/// The embedded store as the sidecar knows any store.
extension SQLiteStore: EventStore {
    public var receipts: (any PublicationReceipts)? { options.durability == .ephemeral ? self : nil }
    public var heads: any JournalHeads { self }
    public var auditor: (any JournalAuditor)? { nil }

    /// Nobody else is there to see anything.
    public func beat(at _: Instant) async throws(Failure) {}

    public func size() async throws(Failure) -> StoreSize {
        let found = try await statistics()
        let tables: [StoreSize.Table] = [
            .init("ledger", found.ledger), .init("state", found.state), .init("outbox", found.outbox),
            .init("timers", found.timers), .init("letters", found.letters), .init("refusals", found.refusals),
            .init("publications", found.publications), .init("journal", found.journal), .init("claims", found.claims),
        ]
        return StoreSize(tables: tables, bytes: found.bytes, isExact: true)
    }

    public func shelf(_ place: LetterPlace) -> any DeadLetterBox { ShelfBox(self, place) }
    public func outboxTarget(_ clock: any WallClock) -> any RedriveTarget { OutboxTarget(self, clock: clock) }
}
