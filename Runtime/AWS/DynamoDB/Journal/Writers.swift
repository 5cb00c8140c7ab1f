import Cryptography
import Events
import Pipeline
import StoreCommon

/// The writers of the journal, and the one order of all their rows.
///
/// Rows of many writers have no common order of commit, and DynamoDB has no count that would not make every commit wait
/// for every other. So a row has a place in its writer's chain when it is committed, and a number later: whoever looks
/// sees how far each chain has come, and hands out the next numbers to what is new, a segment for each writer, in one
/// transaction. A row that is committed late is numbered late: no cursor passes it. Numbers have no gaps, and no clock
/// decides anything.
struct Writers: Sendable {
    /// A chain that is silent for so long is taken off the list, when all of its rows are sealed; its writer begins
    /// another when it has something. One that nobody sealed is waited for.
    private static let idle = Duration.hours(1)
    private static let unsealedIdle = Duration.days(1)
    private static let tries = 12
    /// Segments that one transaction hands out.
    private static let segments = 48

    let client: TableClient
    let store: String
    let keep: Duration

    /// The end of one writer's chain.
    struct Tail: Sendable {
        let boot: Int64
        /// Counts the writer's transactions: a late one that was sent before finds another turn, and does nothing.
        var turn: Int64
        /// The place of the last row.
        var place: Int64
        var hash: Digest
    }

    // MARK: - as a writer

    func genesis(_ boot: Int64) -> Digest { JournalChain.genesis(store: store, boot: boot, after: Hash.sha256([])) }

    /// Begins a chain.
    func join(boot: Int64, at now: Instant) async throws(AWSError) -> Tail {
        var writer = Item(TableLayout.writer(boot))
        let tail = Tail(boot: boot, turn: 0, place: 0, hash: genesis(boot))
        writer["turn"] = .integer(tail.turn)
        writer["place"] = .integer(tail.place)
        writer["hash"] = .digest(tail.hash)
        writer["at"] = .instant(now)
        guard case .lost(let item) = try await client.write(.put(writer, if: .absent)) else { return tail }
        // Our own, whose answer was lost: nobody else has this boot.
        guard item?.integer("turn") == 0 else { throw AWSError(.badReply, "boot \(boot) is taken") }
        return tail
    }

    /// The write that goes with every transaction of this writer: its chain is listed, and nothing came between.
    static func advance(_ tail: Tail, to next: Tail, at now: Instant) -> Write {
        Write(
            TableLayout.writer(tail.boot),
            .update(
                "SET #turn = :next, #place = :place, #hash = :hash, #at = :now",
                [
                    ":next": .integer(next.turn), ":place": .integer(next.place), ":hash": .digest(next.hash),
                    ":now": .instant(now),
                ]),
            if: Condition("#turn = :turn", [":turn": .integer(tail.turn)]))
    }

    /// What the table has of this chain; `nil` if it was taken off the list.
    func reload(_ tail: Tail) async throws(AWSError) -> Tail? {
        guard let item = try await client.get(TableLayout.writer(tail.boot)), let turn = item.integer("turn"),
            let place = item.integer("place"), let hash = item.digest("hash")
        else { return nil }
        return Tail(boot: tail.boot, turn: turn, place: place, hash: hash)
    }

    // MARK: - numbers

    /// Numbers all that is committed now.
    ///
    /// - Returns: the last number, and the chains on the list.
    func number(at now: Instant) async throws(AWSError) -> (last: Int64, writers: [Item]) {
        for attempt in 1...Self.tries {
            let found = try await client.get(TableLayout.numbers)
            let writers = try await client.queryAll(Query(TableLayout.writers))
            var numbers = found ?? Item(TableLayout.numbers)
            let writes = handOut(&numbers, to: writers, at: now)
            let count = numbers.integer("count") ?? 0
            guard !writes.isEmpty else { return (count, writers) }
            numbers["turn"] = .integer((found?.integer("turn") ?? 0) + 1)
            let unmoved = found.map { Condition("#turn = :seen", [":seen": .integer($0.integer("turn") ?? 0)]) }
            let moved = Write.put(numbers, if: unmoved ?? .absent)
            if case .done = try await client.transact([moved] + writes), writes.count < Self.segments {
                return (count, writers)
            }
            await TableClient.pause(after: attempt)
        }
        throw AWSError(.throttled, "others numbered the journal with every try")
    }

    private func handOut(_ numbers: inout Item, to writers: [Item], at now: Instant) -> [Write] {
        var writes: [Write] = []
        var count = numbers.integer("count") ?? 0
        for writer in writers where writes.count < Self.segments {
            guard let boot = Int64(writer.key.sort), let place = writer.integer("place") else { continue }
            let name = "boot\(boot)"
            let numbered = numbers.integer(name) ?? 0
            if place > numbered {
                let segment = Segment(first: count + 1, boot: boot, place: numbered + 1, count: place - numbered)
                writes.append(.put(segment.item(at: now, keep: keep)))
                count += segment.count
                numbers[name] = .integer(place)
            } else if let last = writer.instant("at"),
                last + (writer.integer("sealed") ?? 0 >= place ? Self.idle : Self.unsealedIdle) <= now {
                let same = Condition("#turn = :turn", [":turn": .integer(writer.integer("turn") ?? 0)])
                writes.append(Write(writer.key, .delete, if: same))
                numbers[name] = nil
            }
        }
        numbers["count"] = .integer(count)
        return writes
    }
}

/// A run of rows of one writer that have their numbers.
struct Segment: Sendable {
    /// The first number.
    let first: Int64
    let boot: Int64
    /// The place of the first row in its writer's chain.
    let place: Int64
    let count: Int64

    var last: Int64 { first + count - 1 }

    init(first: Int64, boot: Int64, place: Int64, count: Int64) {
        self.first = first
        self.boot = boot
        self.place = place
        self.count = count
    }

    init?(_ item: Item) {
        guard let first = Int64(item.key.sort), let boot = item.integer("boot"), let place = item.integer("place"),
            let count = item.integer("count")
        else { return nil }
        self.init(first: first, boot: boot, place: place, count: count)
    }

    /// Found by number in its partition, by time in the index of events, by writer and place in the other one.
    func item(at now: Instant, keep: Duration) -> Item {
        var item = Item(ItemKey(TableLayout.segments, TableLayout.padded(first)))
        item["boot"] = .integer(boot)
        item["place"] = .integer(place)
        item["count"] = .integer(count)
        item["time"] = .instant(now)
        item["ttl"] = .timeToLive(now + keep + .days(1))
        item["ep"] = .text(TableLayout.segments)
        item["es"] = .instant(now)
        item.index(due: TableLayout.segments(of: boot), at: place)
        return item
    }
}
