import Events
import Pipeline
import StoreCommon

// Rows of the journal on their way in and out of the table.

/// A row that waits for its place in the chain.
struct JournalLine: Sendable {
    let entry: JournalEntry
    /// What is kept of the payload; nothing as a rule.
    var body: Bytes?

    /// A payload that is small goes with its row.
    private static let inlineBytes = 100_000
    private var parts: Int { body.map { $0.count > Self.inlineBytes ? Parts.count($0) : 0 } ?? 0 }

    /// Items that it takes in a transaction.
    var count: Int { 1 + parts }
    var size: Int { entry.textBytes + 768 + (body?.count ?? 0) }

    /// - Parameter place: in the writer's chain. The number over all writers comes later.
    func items(place: Int64, boot: Int64, hash: Digest, keep: Duration) -> [Item] {
        var item = Item(ItemKey(TableLayout.journal(boot), TableLayout.padded(place)))
        item.write(entry)
        item["hash"] = .digest(hash)
        let end = entry.time + keep
        item["ttl"] = .timeToLive(end)
        let time = entry.time.unixMilliseconds
        if !entry.correlationID.isEmpty { item.index(due: "correlation#" + entry.correlationID, at: time) }
        item.index(event: "event#" + (entry.event.isEmpty ? entry.message : entry.event), at: time)
        guard let body, !body.isEmpty else { return [item] }
        guard parts > 0 else {
            item["body"] = .bytes(body)
            return [item]
        }
        item["parts"] = .number(parts)
        return [item] + Parts.items(body, of: Self.owner(boot: boot, place), until: end)
    }

    /// Whose parts the body is.
    static func owner(boot: Int64, _ place: Int64) -> String { TableLayout.journal(boot) + "#\(place)" }
}

extension JournalEntry {
    /// Of the texts that may be long.
    fileprivate var textBytes: Int {
        [
            source, detailType, correlationID, event, message, resource, userID, queue, issuer, parent, tenantID,
            keyID, cause,
        ].reduce(0) { $0 + $1.utf8.count }
    }
}

extension Item {
    fileprivate mutating func write(_ entry: JournalEntry) {
        self["time"] = .instant(entry.time)
        for (name, text) in [
            ("kind", entry.kind.rawValue), ("direction", entry.direction.rawValue), ("outcome", entry.outcome.rawValue),
            ("queue", entry.queue), ("message", entry.message), ("issuer", entry.issuer), ("event", entry.event),
            ("parent", entry.parent), ("correlation", entry.correlationID), ("resource", entry.resource),
            ("source", entry.source), ("detailType", entry.detailType), ("tenant", entry.tenantID),
            ("user", entry.userID), ("keyID", entry.keyID), ("stage", entry.stage), ("code", entry.code),
            ("cause", entry.cause), ("handler", entry.handler),
        ] { set(name, text) }
        for (name, number) in [
            ("generation", entry.generation), ("attempt", entry.attempt), ("deliveries", entry.deliveries),
        ] where number != 0 { self[name] = .number(number) }
        self["sent"] = entry.sentAt.map(AttributeValue.instant)
        self["waited"] = entry.waited.map { .integer($0.microseconds) }
        self["took"] = entry.took.map { .integer($0.microseconds) }
        self["retry"] = entry.retryAt.map(AttributeValue.instant)
        self["payload"] = entry.payload.map(AttributeValue.digest)
    }

    /// `nil` for what is no row of the journal.
    var journalEntry: JournalEntry? {
        guard let time = instant("time"), let kind = JournalEntry.Kind(rawValue: text("kind")),
            let direction = JournalEntry.Direction(rawValue: text("direction")),
            let outcome = JournalEntry.Outcome(rawValue: text("outcome"))
        else { return nil }
        var entry = JournalEntry(time: time, kind: kind, direction: direction, outcome: outcome)
        entry.queue = text("queue")
        entry.message = text("message")
        entry.issuer = text("issuer")
        entry.event = text("event")
        entry.parent = text("parent")
        entry.correlationID = text("correlation")
        entry.resource = text("resource")
        entry.source = text("source")
        entry.detailType = text("detailType")
        entry.tenantID = text("tenant")
        entry.userID = text("user")
        entry.keyID = text("keyID")
        entry.stage = text("stage")
        entry.code = text("code")
        entry.cause = text("cause")
        entry.handler = text("handler")
        entry.generation = number("generation")
        entry.attempt = number("attempt")
        entry.deliveries = number("deliveries")
        entry.sentAt = instant("sent")
        entry.waited = integer("waited").map { .microseconds($0) }
        entry.took = integer("took").map { .microseconds($0) }
        entry.retryAt = instant("retry")
        entry.payload = digest("payload")
        return entry
    }

    func journalRow(number: Int64) -> JournalRow? {
        guard let entry = journalEntry, let hash = digest("hash"), let boot = TableLayout.boot(of: key) else {
            return nil
        }
        return JournalRow(number: number, boot: boot, entry: entry, hash: hash)
    }
}
