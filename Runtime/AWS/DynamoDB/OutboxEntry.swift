import Events
import StoreCommon

/// An event on its way into the outbox, and the item that it becomes there.
struct OutboxEntry: Sendable {
    let id: String
    /// The event whose handler publishes it, and the handler; both are empty for one from outside.
    let parent: String
    let handler: String
    let draft: Draft
    let trace: Event.Trace
    let committedAt: Instant

    init(id: String, parent: String, handler: String, draft: Draft, trace: Event.Trace, committedAt: Instant) {
        self.id = id
        self.parent = parent
        self.handler = handler
        self.draft = draft
        self.committedAt = committedAt
        var trace = trace
        if !draft.correlationID.isEmpty { trace.correlationID = draft.correlationID }
        self.trace = trace
    }

    /// A detail that is small goes with its item.
    private static let inlineBytes = 300_000

    private var parts: Int { draft.detail.count > Self.inlineBytes ? Parts.count(draft.detail) : 0 }
    var count: Int { 1 + parts }
    var size: Int { draft.size + 512 }
    var partition: String { TableLayout.outbox(resource: draft.resource, id: id) }

    /// The next row: a moment in milliseconds since 2024 (41 bits), the writer's boot (10 bits), a count (12 bits).
    /// Entries of one resource leave in the order of their rows; the clock decides of nothing else.
    static func row(after last: Int64, boot: Int64, at now: Instant) -> Int64 {
        let moment = min(max(now.unixMilliseconds - epoch, 0), 1 << 41 - 1)
        return max(moment << 22 | (boot & 1_023) << 12, last + 1)
    }

    /// When a row was made, roughly.
    static func time(of row: Int64) -> Instant { Instant(unixMilliseconds: row >> 22 + epoch) }
    private static let epoch = Int64(1_704_067_200_000)

    func items(row: Int64) -> [Item] {
        var item = Item(ItemKey(partition, TableLayout.padded(row)))
        item.set("id", id)
        item.set("parent", parent)
        item.set("handler", handler)
        item.set("source", draft.source)
        item.set("detailType", draft.detailType)
        item.set("resource", draft.resource)
        item.set("correlation", draft.correlationID)
        item["trace"] = .bytes(trace.encoded)
        item["attributes"] = .bytes(draft.attributes.encoded)
        item["committed"] = .instant(committedAt)
        item["attempts"] = .number(0)
        item["size"] = .number(draft.size)
        item.index(due: TableLayout.outboxDue(of: partition), at: committedAt.unixMilliseconds)
        if !parent.isEmpty {
            item["ep"] = .text("parent#" + parent)
            item["es"] = .integer(row)
        }
        guard parts > 0 else {
            item["detail"] = .bytes(draft.detail)
            return [item]
        }
        item["parts"] = .number(parts)
        return [item] + Parts.items(draft.detail, of: Self.owner(id))
    }

    static func owner(_ id: String) -> String { "outbox#" + id }
}

extension Item {
    /// - Parameter detail: what its parts are together, where it has any.
    func publication(detail: Bytes?) -> Publication? {
        guard let row = Int64(key.sort), let committed = instant("committed") else { return nil }
        let draft = Draft(
            source: text("source"), detailType: text("detailType"), resource: text("resource"),
            correlationID: text("correlation"), detail: detail ?? bytes("detail"),
            attributes: [Attribute](encoded: bytes("attributes")))
        return Publication(
            row: row, id: text("id"), draft: draft, parent: text("parent"), trace: Event.Trace(encoded: bytes("trace")),
            committedAt: committed, attempts: number("attempts"))
    }
}
