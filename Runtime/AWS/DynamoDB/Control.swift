public import Events
public import Pipeline
import StoreCommon

// What is recorded beside the runs of events: verdicts on messages, permits, and groups that stand behind a dead event.

extension DynamoDBStore {
    /// One that is recorded already stays as it is.
    public func refuse(_ refusals: [Refusal], at now: Instant) async throws(Failure) {
        let units = refusals.map { refusal in
            var item = Item(TableLayout.refusal(refusal.messageID, of: refusal.consumer))
            item.set("queue", refusal.consumer.text)
            item.set("message", refusal.messageID.text)
            item.set("code", refusal.failure.code.rawValue)
            item.set("subject", refusal.failure.subject)
            item.set("cause", refusal.failure.cause)
            item["time"] = .instant(now)
            item["ttl"] = .timeToLive(refusal.keepUntil)
            var unit = CommitUnit()
            unit.add(.put(item, if: .absent), .fresh)
            if let letter = refusal.shelved {
                for item in ShelfItem.items(letter, queue: refusal.consumer, message: refusal.messageID, at: now) {
                    unit.add(.put(item), .optional)
                }
            }
            let body = options.keepsPayloads ? refusal.verified?.event.detail ?? refusal.body : nil
            unit.lines.append(JournalLine(entry: JournalEntry(refusal, at: now), body: body))
            return unit
        }
        var again: [CommitUnit] = []
        try await finish(units) { unit, end in
            // Recorded before; its letter may be newer.
            guard case .taken = end, unit.parts.count > 1 else { return }
            var letter = CommitUnit()
            letter.parts = Array(unit.parts.dropFirst())
            again.append(letter)
        }
        try await finish(again) { _, _ in }
    }

    /// Writes rows of the journal: what was decided of a handler's second build, what an operator did. Who discards the
    /// letter of an event gives up what stands behind it, too.
    public func record(_ entries: [JournalEntry]) async throws(Failure) {
        let units = entries.map { entry in
            var unit = CommitUnit()
            unit.lines.append(JournalLine(entry: entry))
            return unit
        }
        try await finish(units) { _, _ in }
        for entry in entries where entry.outcome == .discarded && !entry.event.isEmpty {
            let consumer = QueueName(entry.queue)
            for parked in try await parkedGroups(at: clock.now)
            where parked.event.text == entry.event && parked.consumer == consumer {
                var freed = entry
                freed.outcome = .freed
                _ = try await free(parked.group, of: consumer, freed)
            }
        }
    }

    private func finish(
        _ units: [CommitUnit], _ body: (CommitUnit, CommitUnit.End) -> Void
    ) async throws(Failure) {
        var failure: Failure?
        for (unit, end) in zip(units, await lane.commit(units)) {
            switch end {
            case .failed(let problem): failure = problem
            case .refused(let why): failure = Failure(.storeUnavailable, options.table, why)
            default: body(unit, end)
            }
        }
        if let failure { throw failure }
    }
}

extension DynamoDBStore: LedgerControl {
    public func permit(_ permits: [Permit], _ entries: [JournalEntry]) async throws(Failure) {
        var unit = CommitUnit()
        for permit in permits {
            var item = Item(TableLayout.permit(permit.event, of: permit.consumer))
            item["until"] = .instant(permit.until)
            item["begun"] = .number(permit.isBegun ? 1 : 0)
            item["given"] = .instant(clock.now)
            item["ttl"] = .timeToLive(permit.until)
            unit.add(.put(item), .optional)
        }
        unit.lines = entries.map { JournalLine(entry: $0) }
        guard unit.excess == nil else {
            for (permit, entry) in zip(permits, entries) { try await self.permit([permit], [entry]) }
            return
        }
        try await finish([unit]) { _, _ in }
    }

    public func permits(for event: String, at now: Instant) async throws(Failure) -> [Permit] {
        try await call { () throws(AWSError) in
            try await client.queryAll(Query(TableLayout.permits(for: event))).compactMap { $0.permit(at: now) }
        }
    }

    /// By the index: a moment behind.
    public func parkedGroups(at now: Instant) async throws(Failure) -> [ParkedGroup] {
        try await call { () throws(AWSError) in
            let keys = try await client.queryAll(Query(TableLayout.groupsDue, index: .due), atMost: 10_000).map(\.key)
            let items = try await client.get(keys)
            return keys.compactMap { items[$0]?.parkedGroup(at: now) }
        }
    }

    public func free(
        _ group: String, of consumer: QueueName, _ entry: JournalEntry
    ) async throws(Failure) -> Bool {
        let key = TableLayout.group(group, of: consumer)
        guard let item = try await call({ () throws(AWSError) in try await client.get(key) }),
            let parked = item.parkedGroup(at: .distantPast)
        else { return false }
        var entry = entry
        entry.event = parked.event.text
        var unit = CommitUnit()
        unit.add(.free(group, of: consumer, behind: parked.event), .present)
        unit.lines.append(JournalLine(entry: entry))
        var isFreed = false
        try await finish([unit]) { _, end in if case .committed = end { isFreed = true } }
        return isFreed
    }
}

extension Item {
    /// - Parameter own: the row of the event itself: what was recorded after the permit was given has used it up.
    func permit(at now: Instant, unlessUsedBy own: LedgerItem? = nil) -> Permit? {
        guard let until = instant("until"), until > now else { return nil }
        if let recorded = own?.item.instant("recorded"), recorded > instant("given") ?? .distantPast,
            own?.item.text("state") != LedgerAccount.State.retry.rawValue, number("begun") == 0
        { return nil }
        return Permit(
            consumer: QueueName(key.sort), event: String(key.partition.dropFirst("permit#".count)), until: until,
            isBegun: number("begun") == 1)
    }

    /// A group that stands behind an event.
    static func parked(_ group: String, behind claim: Claimed, fence: UInt64, until: Instant, at now: Instant) -> Item {
        var item = Item(TableLayout.group(group, of: claim.consumer))
        item.set("consumer", claim.consumer.text)
        item.set("group", group)
        item.set("issuer", claim.id.issuer)
        item.set("event", claim.id.text)
        item["since"] = .instant(now)
        item["until"] = .instant(until)
        item["version"] = .bits(fence)
        item["ttl"] = .timeToLive(until)
        item.index(due: TableLayout.groupsDue, at: now.unixMilliseconds)
        return item
    }

    fileprivate func parkedGroup(at now: Instant) -> ParkedGroup? {
        guard let until = instant("until"), until > now, let since = instant("since") else { return nil }
        return ParkedGroup(
            consumer: QueueName(text("consumer")), group: text("group"),
            event: EventID(issuer: text("issuer"), text: text("event")), since: since)
    }
}

extension Write {
    /// Behind the first event of the group that failed: who comes later does not take its place.
    static func park(_ item: Item, at now: Instant) -> Write {
        .put(
            item,
            if: Condition(
                "attribute_not_exists(#pk) OR #until <= :now OR (#event = :event AND #issuer = :issuer)",
                [":now": .instant(now), ":event": .text(item.text("event")), ":issuer": .text(item.text("issuer"))]))
    }

    static func free(_ group: String, of consumer: QueueName, behind event: EventID) -> Write {
        Write(
            TableLayout.group(group, of: consumer), .delete,
            if: Condition(
                "#event = :event AND #issuer = :issuer",
                [":event": .text(event.text), ":issuer": .text(event.issuer)]))
    }
}
