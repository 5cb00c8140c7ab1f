import Events
import JSON
import Pipeline
import StoreCommon
import Synchronization

// What no queue takes and the bus has refused, kept here until an operator has dealt with it: never swept.

/// Items of the shelf: letters by their queue and message, publications by their id.
enum ShelfItem {
    static func due(_ place: LetterPlace) -> String {
        place.box == .publications ? TableLayout.givenUpDue : "letters#" + place.queue.text
    }

    /// The newest letter of a message replaces the one before.
    static func items(_ letter: DeadLetter, queue: QueueName, message: MessageID, at now: Instant) -> [Item] {
        let key = TableLayout.letter(message, of: queue)
        var item = Item(key)
        item.set("message", message.text)
        item.set("failure", letter.failure)
        item.set("group", letter.group ?? "")
        item["attributes"] = .bytes(letter.attributes.encoded)
        item["time"] = .instant(now)
        item["parts"] = .number(Parts.count(letter.body))
        item.index(due: due(LetterPlace(queue: queue)), at: now.unixMilliseconds)
        return [item] + Parts.items(letter.body, of: owner(key))
    }

    /// With what it takes to publish it again.
    static func items(_ publication: Publication, _ entry: Item, _ failure: Failure, at now: Instant) -> [Item] {
        let key = TableLayout.givenUp(publication.id)
        var item = Item(key)
        item.set("message", publication.id)
        item.set("parent", publication.parent)
        item.set("handler", entry.text("handler"))
        item.set("source", publication.draft.source)
        item.set("detailType", publication.draft.detailType)
        item.set("resource", publication.draft.resource)
        item.set("correlation", publication.draft.correlationID)
        item["trace"] = .bytes(publication.trace.encoded)
        item["attributes"] = .bytes(publication.draft.attributes.encoded)
        item["committed"] = .instant(publication.committedAt)
        item["attempts"] = .number(publication.attempts + 1)
        item.set("code", failure.code.rawValue)
        item.set("cause", failure.cause)
        item["time"] = .instant(now)
        item["parts"] = .number(Parts.count(publication.draft.detail))
        item.index(due: TableLayout.givenUpDue, at: now.unixMilliseconds)
        return [item] + Parts.items(publication.draft.detail, of: owner(key))
    }

    static func owner(_ key: ItemKey) -> String { key.partition }

    static func letter(_ item: Item, body: Bytes) -> BoxedLetter {
        let id = MessageID(item.text("message"))
        let time = item.instant("time") ?? .distantPast
        guard item.key.partition.hasPrefix("given-up#") else {
            return BoxedLetter(
                id: id, body: body, attributes: [Attribute](encoded: item.bytes("attributes")),
                failure: item.text("failure"), arrivedAt: time, group: item["group"] == nil ? nil : item.text("group"))
        }
        return GivenUpPublication(
            id: id.text, parent: item.text("parent"), handler: item.text("handler"), draft: item.draft(detail: body),
            code: item.text("code"), cause: item.text("cause"), attempts: item.number("attempts"),
            committedAt: item.instant("committed") ?? time, givenUpAt: time
        ).letter
    }
}

extension Item {
    /// What was to be published.
    fileprivate func draft(detail: Bytes) -> Draft {
        Draft(
            source: text("source"), detailType: text("detailType"), resource: text("resource"),
            correlationID: text("correlation"), detail: detail, attributes: [Attribute](encoded: bytes("attributes")))
    }
}

/// One visit to the letters that the store keeps: those of one queue, or the publications that the bus did not take.
///
/// All sidecars see them; nothing is hidden. Who deletes one deletes what it saw, not what has replaced it.
final class TableShelf: DeadLetterBox {
    private struct State {
        var next: JSONValue?
        var isOver = false
        var seen: [Item] = []
        var inHand: [MessageID: Item] = [:]
    }

    private let store: DynamoDBStore
    private let place: LetterPlace
    private let state = Mutex(State())

    init(_ store: DynamoDBStore, _ place: LetterPlace) {
        self.store = store
        self.place = place
    }

    func take(atMost count: Int) async throws(Failure) -> [BoxedLetter] {
        let client = store.client
        let count = min(max(count, 1), Limits.batchEntries)
        while state.withLock({ $0.seen.count < count && !$0.isOver }) {
            var query = Query(ShelfItem.due(place), index: .due)
            query.start = state.withLock { $0.next }
            query.limit = Limits.batchEntries
            let asked = query
            let page = try await store.call { () throws(AWSError) in try await client.query(asked) }
            state.withLock { state in
                state.seen += page.items
                state.next = page.next
                state.isOver = page.next == nil
            }
        }
        let keys = state.withLock { state in
            defer { state.seen.removeFirst(min(count, state.seen.count)) }
            return state.seen.prefix(count).map(\.key)
        }
        return try await store.call { () throws(AWSError) in
            let items = try await client.get(Array(keys))
            var letters: [BoxedLetter] = []
            for item in keys.compactMap({ items[$0] }) {
                let owner = ShelfItem.owner(item.key)
                let parts = try await client.get(Parts.keys(of: owner, count: item.number("parts")))
                guard let body = Parts.join(parts, of: owner, count: item.number("parts")) else { continue }
                let letter = ShelfItem.letter(item, body: body)
                state.withLock { $0.inHand[letter.id] = item }
                letters.append(letter)
            }
            return letters
        }
    }

    func delete(_ letters: [MessageID]) async -> [Failure?] {
        let items = state.withLock { state in letters.map { state.inHand[$0] } }
        let results = await together(items) { item throws(Failure) in
            guard let item else { return }
            try await self.store.call { () throws(AWSError) in try await self.delete(item) }
        }
        return zip(letters, results).map { letter, result in
            if case .failure(let failure) = result { return failure }
            state.withLock { $0.inHand[letter] = nil }
            return nil
        }
    }

    /// The parts of one that was replaced are the new one's.
    private func delete(_ item: Item) async throws(AWSError) {
        let same = Condition("#time = :time", [":time": item["time"] ?? .integer(0)])
        guard case .done = try await store.client.write(Write(item.key, .delete, if: same)) else { return }
        for key in Parts.keys(of: ShelfItem.owner(item.key), count: item.number("parts")) {
            _ = try await store.client.write(Write(key, .delete))
        }
    }

    func release() async { state.withLock { $0 = State() } }
}

/// Back to the outbox, under the id that was signed before: the bus's readers see a publication once.
struct TableOutboxTarget: RedriveTarget {
    private let store: DynamoDBStore

    init(_ store: DynamoDBStore) { self.store = store }

    func send(_ letters: [RedrivenLetter]) async -> [Result<MessageID, Failure>] {
        await together(letters) { letter throws(Failure) in
            try await self.store.republish(letter.id.text)
            return letter.id
        }
    }
}

extension DynamoDBStore {
    /// Behind what waits for the bus now; it stays on the shelf until it is deleted there.
    fileprivate func republish(_ id: String) async throws(Failure) {
        let key = TableLayout.givenUp(id)
        let found = try await call { () throws(AWSError) -> (Item, Bytes)? in
            guard let item = try await client.get(key) else { return nil }
            let owner = ShelfItem.owner(key)
            let parts = try await client.get(Parts.keys(of: owner, count: item.number("parts")))
            return Parts.join(parts, of: owner, count: item.number("parts")).map { (item, $0) }
        }
        guard let (item, detail) = found else { return }
        var unit = CommitUnit()
        unit.entries.append(
            OutboxEntry(
                id: id, parent: item.text("parent"), handler: item.text("handler"),
                draft: item.draft(detail: detail), trace: Event.Trace(encoded: item.bytes("trace")),
                committedAt: clock.now))
        if case .failed(let failure)? = await lane.commit([unit]).first { throw failure }
    }
}
