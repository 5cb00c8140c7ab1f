public import Events
import Pipeline
import StoreCommon
import Synchronization

// Timers: one item for each handler and key, in the index of what is due. Whoever takes a due one keeps it from the
// others for a while; that saves work, and decides nothing: its event is claimed like any other.

extension DynamoDBStore {
    private static let turn = Duration.seconds(30)

    public func due(
        of handlers: Set<HandlerID>, at now: Instant, atMost count: Int
    ) async throws(Failure) -> [Event] {
        let claimed = memory.withLock { memory in Set(memory.held.values.compactMap(\.timer)) }
        let owner = lane.owner
        let timed = try await thoseWithTimers(handlers)
        func due(again: Bool) async throws(Failure) -> [Item] {
            try await self.due(of: timed, at: now, again: again, atMost: count, but: claimed).filter { item in
                item.integer("taker") == owner || item.instant("takenUntil").map { $0 <= now } ?? true
            }
        }
        let found = try await due(again: false)
        let again = try await due(again: true)
        let oldest = found.sorted { $0.dueAt < $1.dueAt }
        let tried = again.sorted { ($0.number("tries"), $0.dueAt) < ($1.number("tries"), $1.dueAt) }
        let wanted = Array((oldest + tried).prefix(count))
        let taken = await together(wanted) { item throws(AWSError) in
            let take = Write.take(item, by: owner, until: now + Self.turn, at: now, skew: self.options.skew)
            return try await self.client.write(take)
        }
        var events: [Event] = []
        for (item, result) in zip(wanted, taken) {
            guard case .done = try await call({ () throws(AWSError) in try result.get() }) else { continue }
            memory.withLock { $0.timers[item.text("event")] = item.key }
            events.append(
                TimerEvent.make(
                    item.text("event"), of: item.text("handler"), detail: item.bytes("detail"),
                    correlationID: item.text("correlation"), at: now))
        }
        return events
    }

    private func due(
        of handlers: Set<HandlerID>, at now: Instant, again: Bool, atMost count: Int, but claimed: Set<ItemKey>
    ) async throws(Failure) -> [Item] {
        let pages = await together(handlers.sorted()) { handler throws(AWSError) in
            var query = Query(TableLayout.timersDue(of: handler, again: again), index: .due)
            query.through = .instant(now)
            query.limit = count + claimed.count
            return try await self.client.query(query).items
        }
        var keys: [ItemKey] = []
        for page in pages {
            keys += try await call { () throws(AWSError) in try page.get() }.map(\.key).filter { !claimed.contains($0) }
        }
        // The index may be behind: what counts is the item itself.
        let wanted = keys
        let items = try await call { () throws(AWSError) in try await client.get(wanted) }
        return items.values.filter { $0.dueAt <= now }
    }

    public func next(of handlers: Set<HandlerID>) async throws(Failure) -> Instant? {
        let claimed = memory.withLock { memory in Set(memory.held.values.compactMap(\.timer)) }
        let partitions = try await thoseWithTimers(handlers).sorted().flatMap { handler in
            [false, true].map { TableLayout.timersDue(of: handler, again: $0) }
        }
        let pages = await together(partitions) { partition throws(AWSError) in
            var query = Query(partition, index: .due)
            query.limit = claimed.count + 1
            return try await self.client.query(query).items
        }
        var next: Instant?
        for page in pages {
            let items = try await call { () throws(AWSError) in try page.get() }
            for item in items where !claimed.contains(item.key) {
                if let due = item.instant("ds"), due < next ?? .distantFuture { next = due }
            }
        }
        return next
    }

    public func strays(beside handlers: Set<HandlerID>, at now: Instant) async throws(Failure) -> Int {
        try await call { () throws(AWSError) in
            let all = try await client.queryAll(Query(TableLayout.timerHandlers)).map { HandlerID($0.key.sort) }
            var count = 0
            for handler in all where !handlers.contains(handler) {
                for again in [false, true] {
                    var query = Query(TableLayout.timersDue(of: handler, again: again), index: .due)
                    query.through = .instant(now)
                    count += try await client.queryAll(query).count
                }
            }
            return count
        }
    }

    /// Most handlers have never set a timer: one question tells, instead of four for each of them.
    private func thoseWithTimers(_ handlers: Set<HandlerID>) async throws(Failure) -> Set<HandlerID> {
        let known = memory.withLock { $0.timerHandlers }
        guard !handlers.isSubset(of: known) else { return handlers }
        let found = try await call { () throws(AWSError) in
            try await client.queryAll(Query(TableLayout.timerHandlers)).map { HandlerID($0.key.sort) }
        }
        return memory.withLock { memory in
            memory.timerHandlers.formUnion(found)
            return handlers.intersection(memory.timerHandlers)
        }
    }

    /// Handlers that set timers are named in the table before they do: else nobody would find those of one that was
    /// removed.
    func rememberTimerHandlers(_ commitments: [Commitment]) async {
        var handlers: Set<HandlerID> = []
        for commitment in commitments {
            guard case .done(let effects) = commitment.verdict, !effects.timers.isEmpty else { continue }
            let handler = memory.withLock { memory -> HandlerID? in
                guard let handler = memory.held[commitment.lease.fence]?.claim.handler else { return nil }
                return memory.timerHandlers.contains(handler) ? nil : handler
            }
            if let handler { handlers.insert(handler) }
        }
        for handler in handlers {
            let item = Item(ItemKey(TableLayout.timerHandlers, handler.text))
            guard (try? await client.write(.put(item))) != nil else { continue }
            memory.withLock { memory in _ = memory.timerHandlers.insert(handler) }
        }
    }
}

extension Item {
    fileprivate var dueAt: Instant { instant("due") ?? .distantPast }
}

extension Effects {
    /// The last word on each key counts.
    func timerWrites(of claim: Claimed, fence: UInt64) -> [Write] {
        var last: [Bytes: TimerChange] = [:]
        for timer in timers { last[timer.key] = timer }
        return last.values.map { timer in
            let key = TableLayout.timer(timer.key, of: claim.handler)
            guard !timer.detail.isEmpty else { return Write(key, .delete) }
            var item = Item(key)
            let event = DerivedID.timer(handler: claim.handler, key: timer.key, due: timer.at, fence: fence)
            item.set("event", event)
            item.set("handler", claim.handler.text)
            item.set("correlation", claim.trace.correlationID)
            item["due"] = .instant(timer.at)
            item["tries"] = .number(0)
            item["detail"] = .bytes(timer.detail)
            item.index(due: TableLayout.timersDue(of: claim.handler, again: false), at: timer.at.unixMilliseconds)
            return .put(item)
        }
    }
}

extension Write {
    /// Keeps a timer from the other sidecars.
    fileprivate static func take(
        _ timer: Item, by owner: Int64, until: Instant, at now: Instant, skew: Duration
    ) -> Write {
        Write(
            timer.key,
            .update(
                "SET #taker = :owner, #takenUntil = :until",
                [":owner": .integer(owner), ":until": .instant(until)]),
            if: Condition(
                """
                #event = :event AND (attribute_not_exists(#takenUntil) OR #taker = :owner OR #takenUntil < :free)
                """,
                [":event": .text(timer.text("event")), ":owner": .integer(owner), ":free": .instant(now - skew)]))
    }

    /// Removes the timer that became this event, unless it was moved meanwhile: then it is another event's.
    static func end(_ timer: ItemKey, of event: String) -> Write {
        Write(timer, .delete, if: Condition("#event = :event", [":event": .text(event)]))
    }

    /// It was tried once more; until then it is nobody else's, who would not know that it waits.
    static func putOff(_ timer: ItemKey, of claim: Claimed, until: Instant) -> Write {
        Write(
            timer,
            .update(
                "SET #dp = :again, #takenUntil = :until ADD #tries :one",
                [
                    ":again": .text(TableLayout.timersDue(of: claim.handler, again: true)), ":until": .instant(until),
                    ":one": .integer(1),
                ]),
            if: Condition("#event = :event", [":event": .text(claim.id.text)]))
    }
}
