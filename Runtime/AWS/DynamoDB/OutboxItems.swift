import Cryptography
public import Events
public import Pipeline
import StoreCommon
import Synchronization

/// What this sidecar's relay has in hand of the outbox.
struct OutboxMemory: Sendable {
    struct Offered: Sendable {
        let item: Item
        let publication: Publication
    }
    /// By row.
    var offered: [Int64: Offered] = [:]
    /// Partitions that may have something: those this sidecar wrote to, in order.
    private(set) var hints: [String] = []
    private var hinted: Set<String> = []
    /// Partitions whose turn is ours, and until when nobody else takes it.
    var turns: [String: Instant] = [:]
    /// Partitions whose oldest entry waits for a retry.
    var resting: [String: Instant] = [:]

    mutating func hint(_ partition: String) {
        if hinted.insert(partition).inserted { hints.append(partition) }
    }

    mutating func drop(_ partition: String) {
        if hinted.remove(partition) != nil { hints.removeAll { $0 == partition } }
    }
}

// Entries of one resource are one partition of the table, in the order of their numbers. Who relays the oldest has the
// partition's turn, for a while: so no two relays send one entry, or two of one resource, at once, and what a sidecar
// that died had in hand is another's when its turn has ended. The index only says where to look.

extension DynamoDBStore: Outbox {
    private static let turn = Duration.seconds(30)
    /// Less of a turn than this does not do for a call of the bus.
    private static let rest = Duration.seconds(15)

    public func due(
        atMost count: Int, excluding: Set<Int64>, at now: Instant
    ) async throws(Failure) -> [Publication] {
        var found: [Publication] = []
        var tried: Set<String> = outbox.withLock { memory in
            for partition in signals.takePartitions() { memory.hint(partition) }
            for (partition, until) in memory.resting where until <= now { memory.resting[partition] = nil }
            return Set(excluding.compactMap { memory.offered[$0]?.item.key.partition })
        }
        var hasAsked = false
        while found.count < count {
            var candidates = outbox.withLock { memory in
                memory.hints.filter { !tried.contains($0) && memory.resting[$0] == nil }
            }
            if candidates.isEmpty, !hasAsked {
                hasAsked = true
                let listed = try await listed(at: now, atMost: count + tried.count)
                candidates = outbox.withLock { memory in
                    listed.filter { !tried.contains($0) && memory.resting[$0] == nil }
                }
            }
            guard !candidates.isEmpty else { break }
            let wave = Array(candidates.prefix(count - found.count))
            tried.formUnion(wave)
            let heads = await together(wave) { partition throws(Failure) in try await self.head(partition, at: now) }
            for head in heads { if let publication = try head.get() { found.append(publication) } }
        }
        return found.sorted { $0.row < $1.row }
    }

    /// Partitions with something that is due, as the index has it.
    private func listed(at now: Instant, atMost count: Int) async throws(Failure) -> [String] {
        let pages = await together(Array(0..<TableLayout.outboxShards)) { shard throws(AWSError) in
            var query = Query(TableLayout.outboxDue(shard), index: .due)
            query.through = .instant(now)
            query.limit = 4 * count
            return try await self.client.query(query).items
        }
        var keys: [ItemKey] = []
        for page in pages { keys += try await call { () throws(AWSError) in try page.get() }.map(\.key) }
        var seen: Set<String> = []
        return keys.sorted { $0.sort < $1.sort }.map(\.partition).filter { seen.insert($0).inserted }
    }

    /// The oldest entry of a partition, if it is due and the turn is ours.
    private func head(_ partition: String, at now: Instant) async throws(Failure) -> Publication? {
        let found = try await call { () throws(AWSError) -> (Item, Publication)? in
            guard try await self.takeTurn(partition, at: now) else { return nil }
            var query = Query(partition)
            query.through = .text(TableLayout.padded(.max))
            query.limit = 1
            guard let item = try await self.client.query(query).items.first else {
                await self.endTurn(partition)
                return nil
            }
            guard let due = item.instant("ds"), due <= now else {
                self.outbox.withLock { $0.resting[partition] = item.instant("ds") }
                await self.endTurn(partition)
                return nil
            }
            let parts = item.number("parts")
            guard parts > 0 else { return item.publication(detail: nil).map { (item, $0) } }
            let owner = OutboxEntry.owner(item.text("id"))
            let pieces = try await self.client.get(Parts.keys(of: owner, count: parts))
            let detail = Parts.join(pieces, of: owner, count: parts)
            return detail.flatMap { item.publication(detail: $0) }.map { (item, $0) }
        }
        guard let (item, publication) = found else { return nil }
        let isOffered = outbox.withLock { memory in
            // Two writers may give one number to entries of two resources: the second waits for the first.
            if let other = memory.offered[publication.row], other.item.key != item.key { return false }
            memory.offered[publication.row] = OutboxMemory.Offered(item: item, publication: publication)
            return true
        }
        return isOffered ? publication : nil
    }

    // MARK: - turns

    private func takeTurn(_ partition: String, at now: Instant) async throws(AWSError) -> Bool {
        if let until = outbox.withLock({ $0.turns[partition] }), until > now + Self.rest { return true }
        var item = Item(ItemKey(partition, TableLayout.turn))
        item["owner"] = .integer(lane.owner)
        item["until"] = .instant(now + Self.turn)
        item["ttl"] = .timeToLive(now + Self.turn)
        let free = Condition(
            "attribute_not_exists(#pk) OR #owner = :owner OR #until < :free",
            [":owner": .integer(lane.owner), ":free": .instant(now - options.skew)])
        switch try await client.write(.put(item, if: free)) {
        case .done:
            outbox.withLock { $0.turns[partition] = now + Self.turn }
            return true
        case .lost:
            outbox.withLock { memory in
                memory.turns[partition] = nil
                memory.drop(partition)
            }
            return false
        }
    }

    /// Nothing there for us: somebody else may look. What cannot be given up ends by time.
    private func endTurn(_ partition: String) async {
        outbox.withLock { memory in
            memory.turns[partition] = nil
            memory.drop(partition)
        }
        let ours = Condition("#owner = :owner", [":owner": .integer(lane.owner)])
        _ = try? await client.write(Write(ItemKey(partition, TableLayout.turn), .delete, if: ours))
    }

    // MARK: - ends

    public func settle(_ results: [PublicationResult], at now: Instant) async throws(Failure) {
        let known = outbox.withLock { memory in
            results.compactMap { result in memory.offered[result.row].map { (result, $0) } }
        }
        var units: [CommitUnit] = []
        var ended: [OutboxMemory.Offered] = []
        for (result, offered) in known {
            switch result.end {
            case .sent: units.append(unit(offered, .sent, nil, at: now))
            case .gaveUp(let failure): units.append(unit(offered, .gaveUp, failure, at: now))
            case .retry(let at, _):
                try await putOff(offered, until: at)
                continue
            }
            ended.append(offered)
        }
        var failure: Failure?
        for (offered, end) in zip(ended, await lane.commit(units)) {
            switch end {
            case .failed(let problem): failure = problem
            case .refused(let why): failure = Failure(.storeUnavailable, options.table, why)
            default: await forget(offered)
            }
        }
        if let failure { throw failure }
    }

    private func forget(_ offered: OutboxMemory.Offered) async {
        let partition = offered.item.key.partition
        outbox.withLock { $0.offered[offered.publication.row] = nil }
        await endTurn(partition)
        if !offered.publication.draft.resource.isEmpty {
            // The next of its resource may wait behind it.
            outbox.withLock { $0.hint(partition) }
            signals.ringOutbox()
        }
        let parts = Parts.keys(of: OutboxEntry.owner(offered.publication.id), count: offered.item.number("parts"))
        for key in parts { _ = try? await client.write(Write(key, .delete)) }
    }

    private func putOff(_ offered: OutboxMemory.Offered, until: Instant) async throws(Failure) {
        let write = Write(
            offered.item.key,
            .update("SET #ds = :due ADD #attempts :one", [":due": .instant(until), ":one": .integer(1)]), if: .present)
        _ = try await call { () throws(AWSError) in try await client.write(write) }
        outbox.withLock { memory in
            memory.offered[offered.publication.row] = nil
            memory.resting[offered.item.key.partition] = until
        }
        await endTurn(offered.item.key.partition)
    }

    /// The entry goes; one that was given up goes to the shelf.
    private func unit(
        _ offered: OutboxMemory.Offered, _ outcome: JournalEntry.Outcome, _ failure: Failure?, at now: Instant
    ) -> CommitUnit {
        let publication = offered.publication
        var unit = CommitUnit()
        unit.add(Write(offered.item.key, .delete, if: .present), .present)
        if let failure {
            for item in ShelfItem.items(publication, offered.item, failure, at: now) { unit.add(.put(item), .optional) }
        }
        var entry = JournalEntry(time: now, kind: .publication, direction: .outgoing, outcome: outcome)
        entry.event = publication.id
        entry.parent = publication.parent
        entry.handler = offered.item.text("handler")
        entry.attempt = publication.attempts + 1
        entry.sentAt = publication.committedAt
        entry.source = publication.draft.source
        entry.detailType = publication.draft.detailType
        entry.resource = publication.draft.resource
        entry.take(publication.trace)
        entry.take(failure)
        entry.payload = Hash.sha256(publication.draft.detail)
        unit.lines.append(JournalLine(entry: entry, body: options.keepsPayloads ? publication.draft.detail : nil))
        return unit
    }

    // MARK: - how much waits

    /// By the index: a moment behind, and counted no further than what may wait.
    public func depth() async throws(Failure) -> OutboxDepth {
        let pages = await together(Array(0..<TableLayout.outboxShards)) { shard throws(AWSError) in
            var query = Query(TableLayout.outboxDue(shard), index: .due)
            query.names = ["pk", "sk", "size"]
            return try await self.client.queryAll(query, atMost: Limits.outboxRows)
        }
        var depth = OutboxDepth(rows: 0, bytes: 0, oldest: nil)
        var oldest = Int64.max
        for page in pages {
            for item in try await call({ () throws(AWSError) in try page.get() }) {
                depth.rows += 1
                depth.bytes += item.number("size")
                oldest = min(oldest, Int64(item.key.sort) ?? .max)
            }
        }
        if oldest < .max { depth.oldest = OutboxEntry.time(of: oldest) }
        return depth
    }
}
