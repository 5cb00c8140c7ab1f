public import Events
public import Pipeline
import StoreCommon
import Synchronization

// The journal over all writers, by the numbers that its rows got after their commits.

extension DynamoDBStore: JournalReader {
    public func newest() async throws(Failure) -> Int64 {
        if let failure = await lane.flushRecords() { throw failure }
        let found = try await call { () throws(AWSError) in try await writers.number(at: clock.now) }
        sealingMemory.withLock { $0.others = found.writers }
        return found.last
    }

    public func growth() -> AsyncStream<Void> { signals.journalGrowth() }

    /// Throws `api.malformed`, too, for a question that would look at too many rows.
    public func rows(_ query: JournalQuery) async throws(Failure) -> [JournalRow] {
        let newest = try await newest()
        let found = try await call { () throws(AWSError) in
            var search = TableSearch(query, client, newest: newest, now: clock.now)
            return try await search.run()
        }
        guard let found else {
            throw Failure(
                .apiMalformed, "since",
                "\(Limits.journalScan) rows were looked at and the page is not full: narrow it with since or until")
        }
        guard query.withBodies else { return found.map(\.row) }
        return try await withBodies(found)
    }

    private func withBodies(_ found: [TableSearch.Found]) async throws(Failure) -> [JournalRow] {
        var bytes = 0
        var rows: [JournalRow] = []
        for (row, place, parts) in found {
            var row = row
            if bytes >= Limits.journalPageBytes { row.body = nil } else if parts > 0 {
                let owner = JournalLine.owner(boot: row.boot, place)
                let keys = Parts.keys(of: owner, count: parts)
                let items = try await call { () throws(AWSError) in try await client.get(keys) }
                row.body = Parts.join(items, of: owner, count: parts)
            }
            bytes += row.body?.count ?? 0
            rows.append(row)
        }
        return rows
    }

    /// By the index, a moment behind; this sidecar's own claims are told as they are.
    public func accounts(of event: String) async throws(Failure) -> [LedgerAccount] {
        let now = clock.now
        let own = memory.withLock { memory in
            memory.held.values.map(\.claim).filter { $0.id.text == event }.map {
                TableLayout.event($0.id, of: $0.consumer)
            }
        }
        let permits = try await permits(for: event, at: now)
        let accounts = try await call { () throws(AWSError) in
            let keys = try await client.queryAll(Query("ledger#" + event, index: .event), atMost: 1_000).map(\.key)
            return try await client.get(keys + own).values.compactMap { LedgerItem($0).account(at: now) }
        }
        return accounts.map { account in
            var account = account
            account.permittedUntil = permits.first { $0.consumer == account.consumer }?.until
            return account
        }.sorted { ($0.consumer.text, $0.id.issuer) < ($1.consumer.text, $1.id.issuer) }
    }
}

/// One question to the journal.
struct TableSearch {
    typealias Found = (row: JournalRow, place: Int64, parts: Int)

    /// Rows that were numbered later than this are read in their order: the indexes may not have them yet.
    private static let indexLag = Duration.seconds(10)
    /// Clocks of sidecars differ by less.
    private static let disorder = Duration.minutes(1)
    /// Rows of one name that are looked up.
    private static let namesakes = 20_000

    private let query: JournalQuery
    private let client: TableClient
    private let newest: Int64
    private let now: Instant
    private let wanted: Int
    private var examined = 0

    init(_ query: JournalQuery, _ client: TableClient, newest: Int64, now: Instant) {
        self.query = query
        self.client = client
        self.newest = newest
        self.now = now
        wanted = min(max(query.atMost, 1), Limits.journalPage)
    }

    /// - Returns: `nil` if there was more to look at than a search may.
    mutating func run() async throws(AWSError) -> [Found]? {
        var next = max(query.after, 0) + 1
        if let since = query.since {
            next = max(next, try await firstNumber(at: since - Self.disorder) ?? newest + 1)
        }
        guard next <= newest else { return [] }
        var found: [Found] = []
        if let (index, name) = try await name() {
            let recent = try await firstNumber(at: now - Self.indexLag) ?? newest + 1
            if next < recent {
                found = try await lookUp(name, index, from: next, below: recent)
                next = recent
            }
        }
        if found.count < wanted, next <= newest {
            guard let rest = try await scan(from: next, atMost: wanted - found.count) else { return nil }
            found += rest
        }
        return Array(found.prefix(wanted))
    }

    /// The first number that was handed out then or later.
    private func firstNumber(at time: Instant) async throws(AWSError) -> Int64? {
        var question = Query(TableLayout.segments, index: .event)
        question.from = .instant(time)
        question.limit = 1
        return try await client.query(question).items.first.flatMap { Int64($0.key.sort) }
    }

    // MARK: - by name

    /// The index that has what is asked for, and the name there.
    private func name() async throws(AWSError) -> (Query.Index, [String])? {
        if let event = query.event {
            // The queue's own id of a message: the ledger knows which event it brought last.
            let ledger = try await client.query(Query("message#" + event, index: .due)).items.map(\.key)
            let events = try await client.get(ledger).values.map { $0.text("event") }
            return (.event, Set([event] + events).sorted().map { "event#" + $0 })
        }
        if let correlation = query.correlationID, !correlation.isEmpty {
            return (.due, ["correlation#" + correlation])
        }
        return nil
    }

    private mutating func lookUp(
        _ names: [String], _ index: Query.Index, from: Int64, below: Int64
    ) async throws(AWSError) -> [Found] {
        var keys: [ItemKey] = []
        for name in names {
            keys += try await client.queryAll(Query(name, index: index), atMost: Self.namesakes).map(\.key)
        }
        var segments: [Segment] = []
        var numbered: [(Int64, ItemKey)] = []
        for key in keys {
            guard let boot = TableLayout.boot(of: key), let place = Int64(key.sort) else { continue }
            var segment = segments.first { $0.boot == boot && ($0.place..<$0.place + $0.count).contains(place) }
            if segment == nil, let found = try await self.segment(of: boot, place) {
                segments.append(found)
                segment = found
            }
            guard let segment else { continue }
            let number = segment.first + place - segment.place
            if number >= from, number < below { numbered.append((number, key)) }
        }
        numbered.sort { $0.0 < $1.0 }
        var found: [Found] = []
        while !numbered.isEmpty, found.count < wanted {
            let part = numbered.prefix(TableClient.batchGetKeys)
            numbered.removeFirst(part.count)
            let items = try await client.get(part.map(\.1))
            found += part.compactMap { number, key in items[key].flatMap { admitted($0, number: number) } }
        }
        return found
    }

    private func segment(of boot: Int64, _ place: Int64) async throws(AWSError) -> Segment? {
        var question = Query(TableLayout.segments(of: boot), index: .due)
        question.through = .integer(place)
        question.isDescending = true
        question.limit = 1
        guard let key = try await client.query(question).items.first?.key,
            let segment = try await client.get(key).flatMap(Segment.init), place < segment.place + segment.count
        else { return nil }
        return segment
    }

    // MARK: - in order

    private mutating func scan(from number: Int64, atMost count: Int) async throws(AWSError) -> [Found]? {
        var before = Query(TableLayout.segments)
        before.through = .text(TableLayout.padded(number))
        before.isDescending = true
        before.limit = 1
        let start = try await client.query(before).items.first?.key.sort ?? TableLayout.padded(number)
        var question = Query(TableLayout.segments)
        question.from = .text(start)
        question.limit = 100
        var found: [Found] = []
        repeat {
            let page = try await client.query(question)
            question.start = page.next
            for segment in page.items.compactMap(Segment.init) where segment.last >= number && segment.first <= newest {
                found += try await rows(of: segment, from: number, atMost: count - found.count)
                guard examined <= Limits.journalScan else { return nil }
                if found.count >= count { return found }
            }
        } while question.start != nil
        return found
    }

    private mutating func rows(
        of segment: Segment, from number: Int64, atMost count: Int
    ) async throws(AWSError) -> [Found] {
        let offset = max(number - segment.first, 0)
        var question = Query(TableLayout.journal(segment.boot))
        question.from = .text(TableLayout.padded(segment.place + offset))
        question.through = .text(TableLayout.padded(segment.place + segment.count - 1))
        question.limit = Limits.journalPage
        var found: [Found] = []
        repeat {
            let page = try await client.query(question)
            question.start = page.next
            examined += page.items.count
            for item in page.items {
                guard let place = Int64(item.key.sort) else { continue }
                if let row = admitted(item, number: segment.first + place - segment.place) { found.append(row) }
            }
        } while question.start != nil && found.count < count && examined <= Limits.journalScan
        return Array(found.prefix(count))
    }

    private func admitted(_ item: Item, number: Int64) -> Found? {
        guard var row = item.journalRow(number: number), query.isMet(by: row.entry) else { return nil }
        if query.withBodies, item["body"] != nil { row.body = item.bytes("body") }
        return (row, Int64(item.key.sort) ?? 0, item.number("parts"))
    }
}

extension JournalQuery {
    fileprivate func isMet(by entry: JournalEntry) -> Bool {
        func fits(_ wanted: String?, _ text: String) -> Bool { wanted == nil || wanted == text }
        return (event == nil || entry.event == event || entry.message == event)
            && fits(parent, entry.publisher) && fits(correlationID, entry.correlationID)
            && fits(resource, entry.resource) && fits(userID, entry.userID) && fits(source, entry.source)
            && fits(detailType, entry.detailType) && (outcome == nil || entry.outcome == outcome)
            && (since.map { entry.time >= $0 } ?? true)
            && (until.map { entry.time < $0 } ?? true)
    }
}
