import Cryptography
public import Events
public import Pipeline
import StoreCommon
import Synchronization

/// What this sidecar knows of the heads of its own chain, and of chains that nobody seals any more.
struct HeadMemory: Sendable {
    /// Of the chain with this boot.
    var boot: Int64 = 0
    var sealed: Int64 = 0
    var sealedAt = Instant.distantPast
    var closing: Int64 = 0
    /// When the segment that is open began.
    var open: Instant?
    var first: Int64 = 1
    var firstLookedAt = Instant.distantPast
    /// Chains as they were found when the journal was numbered last.
    var others: [Item] = []
}

// Heads of all chains: each sidecar seals its own, and those that nobody seals any more. What retention removes
// DynamoDB says of itself: a head is an item like any other, and outlives the rows that it vouches for.

extension DynamoDBStore: JournalHeads {
    public var fullSegments: AsyncStream<Void> { signals.fullSegments }

    private var sealing: SealingRules {
        SealingRules(keep: options.journalKeep, segment: options.journalSegment, seal: options.journalSeal)
    }

    public func headToSeal(force: Bool, at now: Instant) async throws(Failure) -> UnsealedHead? {
        if let failure = force ? await lane.flushRecords() : nil { throw failure }
        if let tail = await lane.committedTail {
            let known = sealingMemory.withLock { memory in
                if memory.boot != tail.boot { memory = HeadMemory(boot: tail.boot, others: memory.others) }
                if tail.place > memory.closing { memory.open = memory.open ?? now }
                return memory
            }
            let end = ChainEnd(
                boot: tail.boot, number: tail.place, hash: tail.hash, bytes: 0, sealed: known.sealed,
                sealedAt: known.sealedAt, first: known.first, closing: known.closing, aged: 0, open: known.open)
            if let head = end.headToSeal(of: writers.store, sealing, isOwn: true, force: force, at: now) { return head }
        }
        return orphan(at: now)
    }

    /// The end of a chain whose writer is gone, as far as one can see.
    private func orphan(at now: Instant) -> UnsealedHead? {
        let own = lane.owner
        let rules = sealing
        for item in sealingMemory.withLock({ $0.others }) {
            guard let boot = Int64(item.key.sort), boot != own, let hash = item.digest("hash"),
                let place = item.integer("place"), let at = item.instant("at")
            else { continue }
            let end = ChainEnd(
                boot: boot, number: place, hash: hash, bytes: 0, sealed: item.integer("sealed") ?? 0, sealedAt: at,
                first: item.integer("first") ?? 1, closing: 0, aged: 0, open: nil)
            let head = end.headToSeal(of: writers.store, rules, isOwn: false, force: false, at: now)
            // Nothing comes behind it any more.
            if let head { return UnsealedHead(statement: head.statement, closes: true, total: 0) }
        }
        return nil
    }

    public func seal(_ head: UnsealedHead, _ signature: HeadSignature?) async throws(Failure) {
        let statement = head.statement
        var item = Item(TableLayout.head(statement.boot, statement.number))
        item["hash"] = .digest(statement.hash)
        item["first"] = .integer(statement.first)
        item["time"] = .instant(statement.time)
        item["closes"] = .number(head.closes ? 1 : 0)
        item.set("key", signature?.keyID ?? "")
        item["signature"] = signature.map { .bytes($0.bytes[...]) }
        // Longer than its rows: it says which of them may be gone.
        item["ttl"] = .timeToLive(statement.time + options.journalKeep + options.journalKeep)
        let sealed = Write(
            TableLayout.writer(statement.boot),
            .update(
                "SET #sealed = :number, #first = :first",
                [":number": .integer(statement.number), ":first": .integer(statement.first)]), if: .present)
        try await call { () throws(AWSError) in
            _ = try await client.write(.put(item))
            // A chain that has left the list needs no word of it.
            _ = try await client.write(sealed)
            try await dropHeads(before: statement, isSigned: signature != nil)
        }
        let keep = options.journalKeep
        let first = try await firstKept(of: statement.boot, at: statement.time, keep)
        sealingMemory.withLock { memory in
            memory.others.removeAll { $0.key == TableLayout.writer(statement.boot) }
            guard memory.boot == statement.boot else { return }
            (memory.sealed, memory.sealedAt) = (statement.number, statement.time)
            if head.closes { (memory.closing, memory.open) = (statement.number, nil) }
            if let first {
                memory.first = max(memory.first, first)
                memory.firstLookedAt = statement.time
            }
        }
        if statement.boot == lane.owner { signals.sealed() }
    }

    /// What a newer head says holds for the one before, unless that closed a segment or the newer one is worth less.
    private func dropHeads(before statement: HeadStatement, isSigned: Bool) async throws(AWSError) {
        var query = Query(TableLayout.heads(statement.boot))
        query.through = .text(TableLayout.padded(statement.number - 1))
        query.isDescending = true
        query.limit = 1
        guard let last = try await client.query(query).items.first, last.number("closes") == 0,
            isSigned || last.text("key").isEmpty
        else { return }
        _ = try await client.write(Write(last.key, .delete))
    }

    /// The row behind the newest head whose rows are old enough to be gone. Looked for once an hour.
    private func firstKept(
        of boot: Int64, at now: Instant, _ keep: Duration
    ) async throws(Failure) -> Int64? {
        let isTime = sealingMemory.withLock { $0.boot == boot && now - $0.firstLookedAt >= .hours(1) }
        guard isTime else { return nil }
        var query = Query(TableLayout.heads(boot))
        query.limit = 20
        let asked = query
        let heads = try await call { () throws(AWSError) in try await client.query(asked) }.items
        let aged = heads.last { $0.number("closes") == 1 && $0.instant("time").map { $0 <= now - keep } ?? false }
        return aged.flatMap { Int64($0.key.sort) }.map { $0 + 1 } ?? 1
    }
}

extension DynamoDBStore: JournalAuditor {
    /// Rows whose time is over may be missing, in any order: DynamoDB removes them when it will.
    public func audit(
        _ verifies: (@Sendable (HeadSignature, HeadStatement) -> Bool?)?
    ) async throws(Failure) -> JournalAudit {
        _ = try await newest()
        // An hour later than their time items may be gone.
        let cut = clock.now - options.journalKeep - .hours(1)
        let meta = try await call { () throws(AWSError) in try await client.get(TableLayout.meta) }
        let ends = try await numberedEnds(since: cut)
        var audit = JournalAudit()
        for boot in stride(from: Int64(1), through: meta?.integer("boots") ?? 0, by: 1) {
            let heads = try await sealedHeads(of: boot)
            let writer = try await call { () throws(AWSError) in try await client.get(TableLayout.writer(boot)) }
            var end = ends[boot] ?? End()
            end.take(writer?.integer("place") ?? 0, at: writer?.instant("at"))
            end.take(heads.last?.statement.number ?? 0, at: heads.last?.statement.time)
            guard end.place > 0 else { continue }
            let found = try await check(boot, heads, end, since: cut, verifies)
            audit.chains += 1
            audit.rows += found.rows
            audit.heads += heads.count
            audit.signed += heads.count { $0.signature != nil }
            audit.unsealed += Int(max(0, end.place - (heads.last?.statement.number ?? 0)))
            if let broken = found.broken, audit.breaks.count < Limits.journalPage { audit.breaks.append(broken) }
        }
        return audit
    }

    /// How far a chain goes, as writer, heads and numbers say, and when they said so.
    private struct End {
        var place: Int64 = 0
        var time = Instant.distantPast
        mutating func take(_ place: Int64, at time: Instant?) {
            self.place = max(self.place, place)
            self.time = max(self.time, time ?? .distantPast)
        }
    }

    private func numberedEnds(since cut: Instant) async throws(Failure) -> [Int64: End] {
        var ends: [Int64: End] = [:]
        var query = Query(TableLayout.segments)
        repeat {
            let asked = query
            let page = try await call { () throws(AWSError) in try await client.query(asked) }
            for item in page.items {
                guard let time = item.instant("time"), time > cut, let segment = Segment(item) else { continue }
                ends[segment.boot, default: End()].take(segment.place + segment.count - 1, at: time)
            }
            query.start = page.next
        } while query.start != nil
        return ends
    }

    private func sealedHeads(of boot: Int64) async throws(Failure) -> [ChainHead] {
        let store = writers.store
        return try await call { () throws(AWSError) in try await client.queryAll(Query(TableLayout.heads(boot))) }
            .compactMap { item in
                guard let number = Int64(item.key.sort), let hash = item.digest("hash"),
                    let first = item.integer("first"), let time = item.instant("time")
                else { return nil }
                let statement = HeadStatement(
                    store: store, boot: boot, number: number, hash: hash, first: first, time: time)
                let key = item.text("key")
                let signature = HeadSignature(keyID: key, bytes: Array(item.bytes("signature")))
                return ChainHead(statement: statement, signature: key.isEmpty ? nil : signature)
            }
    }

    private func check(
        _ boot: Int64, _ heads: [ChainHead], _ end: End, since cut: Instant,
        _ verifies: (@Sendable (HeadSignature, HeadStatement) -> Bool?)?
    ) async throws(Failure) -> (rows: Int, broken: JournalAudit.Break?) {
        var query = Query(TableLayout.journal(boot))
        query.limit = Limits.journalPage
        var check: ChainCheck?
        repeat {
            let asked = query
            let page = try await call { () throws(AWSError) in try await client.query(asked) }
            for item in page.items {
                guard let place = Int64(item.key.sort), let row = item.journalRow(number: 0) else { continue }
                if check == nil, row.entry.time <= cut { continue }
                if check == nil { check = start(boot, heads, at: place, end: end.place, since: cut, verifies) }
                var whole = row
                whole.body = item["body"] == nil ? nil : item.bytes("body")
                check?.add(whole, at: place)
            }
            query.start = page.next
        } while query.start != nil
        // All of it may be gone. Words of a chain are younger than its rows, by a day at most.
        if check == nil, end.time > cut + .days(1) {
            check = start(boot, heads, at: .max, end: end.place, since: cut, verifies)
        }
        check?.finish()
        return (check?.rows ?? 0, check?.found)
    }

    /// What was written behind the last head of those days may be gone as well, as far as the next one.
    private func start(
        _ boot: Int64, _ heads: [ChainHead], at place: Int64, end: Int64, since cut: Instant,
        _ verifies: (@Sendable (HeadSignature, HeadStatement) -> Bool?)?
    ) -> ChainCheck {
        let isAged = heads.first.map { $0.statement.time <= cut || $0.statement.first > 1 } ?? false
        let young = heads.first { $0.statement.time > cut }?.statement.number ?? end
        var check = ChainCheck(
            boot: boot, genesis: writers.genesis(boot), first: isAged ? max(1, min(place, young + 1)) : 1, end: end,
            heads: heads)
        if let verifies { check.verify(verifies) }
        return check
    }
}
